"""The use of a simulated year: events in time, late, twice, and corrected."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.journeys.year_model import DAY, Person, Year

SOURCE = "/year"


async def use(year: Year, people: list[Person]) -> None:
    """The day's events of all customers in one batch."""
    batch = []
    for person in people:
        for _ in range(year.random.choice((0, 0, 1, 2, 3))):
            batch.append(_event(year, person, year.now))
    if batch:
        await _send(year, batch)


def _event(year: Year, person: Person, at: datetime) -> dict[str, Any]:
    year.events += 1
    id = f"{person.key}-{year.events}"
    person.sent.append((id, at))
    tokens = year.random.randrange(1, 900_000)
    return {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": "llm.completion",
        "subject": person.key,
        "time": at.isoformat(),
        "data": {"input_tokens": tokens, "output_tokens": tokens // 10, "model": year.random.choice("ab")},
    }


async def _send(year: Year, batch: list[dict[str, Any]]) -> None:
    answer = await year.ask("POST", "/api/events", json=batch)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] == 0, answer.text


async def send_late(year: Year, person: Person) -> None:
    """So many that they go beyond most allowances."""
    late = year.now - DAY * year.random.uniform(0, 50)
    await _send(year, [_event(year, person, late) for _ in range(8)])


async def send_again(year: Year, person: Person) -> None:
    """The producer lost an answer: what was stored must not count again, whatever its period has become."""
    if person.sent:
        id, at = year.random.choice(person.sent)
        event = _event(year, person, at) | {"id": id}
        person.sent.pop()
        await _send(year, [event])


async def void(year: Year, person: Person) -> None:
    await _correct(year, person, "void")


async def amend(year: Year, person: Person) -> None:
    await _correct(year, person, "amend")


async def _correct(year: Year, person: Person, kind: str) -> None:
    if not person.sent:
        return
    id, at = year.random.choice(person.sent)
    correction: dict[str, Any] = {"kind": kind, "source": SOURCE, "id": id, "reason": "it was counted wrongly"}
    if kind == "amend":
        correction["event"] = _event(year, person, at) | {"id": id}
        person.sent.pop()
    answer = await year.ask("POST", "/api/events/corrections", json={"corrections": [correction]})
    assert answer.status_code in (200, 409, 422), answer.text
