"""Who lives a simulated year, and the house that it is lived in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import httpx

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.payments import (
    DECLINED,
    DISPUTE_LOST,
    DISPUTE_WON,
    DISPUTED,
    FAILS_LATER,
    INSUFFICIENT_FUNDS,
    NEEDS_STEP,
    SUCCEEDS,
)

# A card for each checkout; most of them work.
CARDS = (SUCCEEDS,) * 12 + (DECLINED, INSUFFICIENT_FUNDS, NEEDS_STEP, FAILS_LATER, DISPUTED, DISPUTE_WON, DISPUTE_LOST)
DAY = timedelta(days=1)


@dataclass
class Person:
    """A customer of the year, and the events it has sent: id and time."""

    key: str
    currency: str
    joined_on: int
    sent: list[tuple[str, datetime]] = field(default_factory=list)


@dataclass
class Year:
    """The house that the year is lived in, and what was answered how often."""

    runtime: Runtime
    worker: Worker
    client: httpx.AsyncClient
    random: Random
    operator: dict[str, str]
    people: list[Person]
    lived_until: datetime
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    previews: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: int = 0

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    async def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request of the operator's key. A refusal is an answer; a failure of the server is not."""
        answer = await self.client.request(method, path, headers=self.operator, **given)
        shape = "/".join(part for part in path.partition("?")[0].split("/") if "_" not in part)
        self.answers[shape, answer.status_code] += 1
        assert answer.status_code < 500, (path, answer.text)
        return answer


async def type_card(year: Year, url: str) -> None:
    """On the hosted page of the gateway, which is foreign: with whatever it asks in between."""
    page = httpx.URL(url).path
    form = {"number": year.random.choice(CARDS), "expiry": "12/30", "cvc": "123"}
    answer = await year.client.post(f"{page}/pay", data=form)
    assert answer.status_code < 500, answer.text
    await year.worker.drain()
