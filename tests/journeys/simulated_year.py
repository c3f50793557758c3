"""A year of many customers, lived through the public API by the sandbox's clock: they use, change, pay and correct.

Everything random comes from one seed, so a year can be lived again. Nothing is decided here: the API may refuse what
is asked of it, with a problem; what may never happen is looked for afterwards.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import httpx

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.ops import advance_clock
from tests.factories.accounts import make_key
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text
from tests.factories.payments import (
    DECLINED,
    DISPUTED,
    FAILS_LATER,
    INSUFFICIENT_FUNDS,
    NEEDS_STEP,
    SUCCEEDS,
)

# Clocks that change in both directions on other days, quarter hours, no change, and both ends of the day.
ZONES = (
    "Africa/Johannesburg",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Pago_Pago",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)
# A card for each checkout; most of them work.
CARDS = (SUCCEEDS,) * 12 + (DECLINED, INSUFFICIENT_FUNDS, NEEDS_STEP, FAILS_LATER, DISPUTED)
# What a customer may do on a day, by weight.
WISHES = {
    "upgrade": 6,
    "pay": 6,
    "cancel": 2,
    "resume": 2,
    "late": 9,
    "void": 1,
    "amend": 1,
    "again": 2,
    "coupon": 3,
    "top_up": 2,
    "automatic": 1,
    "gift": 2,
    "take_credits": 1,
    "credit": 4,
    "end": 2,
}
# A share, for a time; an amount, of fees only; and all of an invoice, for the first ones who come.
COUPONS = (
    coupon_text('percent = "33.33"\nduration = "repeating"\ninvoices = 3', '{ code = "THIRD" }', "third"),
    coupon_text(
        'duration = "once"\non = "fees"\none_per_customer = false\n'
        'amount = [{ currency = "ZAR", amount = "100.00" }, { currency = "USD", amount = "5.00" }]',
        '{ code = "LESS" }',
        "less",
    ),
    coupon_text('percent = "100"\nduration = "once"', '{ code = "GIFT", max_redemptions = 2 }', "gift"),
)
CODES = ("third", "less", "gift", "unknown")
SOURCE = "/year"
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


async def live(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, *, seed: int, customers: int, days: int = 365
) -> Year:
    """Live so many days with so many customers, who join in the first months; then wait until everything is closed."""
    random = Random(seed)
    async with runtime.unit() as unit:
        await apply_text(unit, catalog_with(*COUPONS))
        operator = await make_key(unit, None)
    people = [
        Person(f"customer-{number}", "USD" if number % 4 == 0 else "ZAR", random.randrange(days // 3))
        for number in range(customers)
    ]
    year = Year(runtime, worker, client, random, operator, people, runtime.clock.now())
    for day in range(days):
        for person in people:
            if person.joined_on == day:
                await _join(year, person)
        await _use(year, [person for person in people if person.joined_on <= day])
        for person in people:
            if person.joined_on < day and random.random() < 0.2:
                await _wish(year, person)
        await advance_clock(runtime, worker, to=year.now + DAY * random.uniform(0.9, 1.1))
    year.lived_until = year.now
    await _preview(year)
    await advance_clock(runtime, worker, to=year.now + 40 * DAY)
    return year


async def _preview(year: Year) -> None:
    """What each customer's next invoice is to say; of those who owe nothing, since others may lose their plan."""
    for person in year.people:
        at = {"params": {"customer": person.key}}
        listed = (await year.ask("GET", "/api/invoices", **at)).json()["invoices"]
        if not any(invoice["status"] == "open" for invoice in listed):
            year.previews[person.key] = (await year.ask("GET", "/api/next-invoice", **at)).json()


async def _join(year: Year, person: Person) -> None:
    made = await year.ask(
        "POST",
        "/api/customers",
        json={
            "key": person.key,
            "name": person.key.title(),
            "email": f"billing@{person.key}.example",
            "country": "ZA" if person.currency == "ZAR" else "US",
            "currency": person.currency,
            "time_zone": year.random.choice(ZONES),
        },
    )
    assert made.status_code == 201, made.text
    await year.worker.drain()
    if year.random.random() < 0.4:
        await _redeem(year, person)
    if year.random.random() < 0.7:
        await _upgrade(year, person)


async def _use(year: Year, people: list[Person]) -> None:
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


async def _wish(year: Year, person: Person) -> None:
    wish = year.random.choices(list(WISHES), list(WISHES.values()))[0]
    at = {"params": {"customer": person.key}}
    match wish:
        case "upgrade":
            await _upgrade(year, person)
        case "pay":
            await _pay_open(year, person)
        case "cancel":
            await year.ask("POST", "/api/subscription/cancel", **at)
        case "resume":
            await year.ask("POST", "/api/subscription/resume", **at)
        case "coupon":
            await _redeem(year, person)
        case "late":
            late = year.now - DAY * year.random.uniform(0, 50)
            # So many that they go beyond most allowances.
            await _send(year, [_event(year, person, late) for _ in range(8)])
        case "again":
            await _send_again(year, person)
        case "top_up":
            await _top_up(year, person)
        case "automatic":
            await _consent(year, person)
        case "gift":
            await _give(year, person)
        case "take_credits":
            await _take_credits(year, person)
        case "credit":
            await _take_back(year, person)
        case "end":
            await _end_open(year, person)
        case _:
            await _correct(year, person, wish)
    await year.worker.drain()


async def _upgrade(year: Year, person: Person) -> None:
    wanted = {
        "plan": year.random.choice(("pro", "enterprise")),
        "interval": year.random.choice(("month",) * 3 + ("year",)),
    }
    answer = await year.ask("POST", "/api/upgrade", params={"customer": person.key}, json=wanted)
    if answer.status_code == 200:
        await _type_card(year, answer.json()["url"])


async def _redeem(year: Year, person: Person) -> None:
    wanted = {"code": year.random.choice(CODES)}
    await year.ask("POST", "/api/coupons/redeem", params={"customer": person.key}, json=wanted)


async def _pay_open(year: Year, person: Person) -> None:
    listed = await year.ask("GET", "/api/invoices", params={"customer": person.key})
    for invoice in listed.json()["invoices"]:
        if invoice["status"] == "open":
            answer = await year.ask("POST", f"/api/invoices/{invoice['id']}/pay")
            if answer.status_code == 200:
                await _type_card(year, answer.json()["url"])


async def _top_up(year: Year, person: Person) -> None:
    amount = {"amount_minor": year.random.randrange(5_000, 60_000)}
    answer = await year.ask("POST", "/api/credits/top-ups", params={"customer": person.key}, json=amount)
    if answer.status_code == 200:
        await _type_card(year, answer.json()["url"])


async def _consent(year: Year, person: Person) -> None:
    """Automatic top-up, on or off again; refused where there is no card to charge."""
    random = year.random
    terms = {
        "enabled": random.random() < 0.8,
        "threshold_minor": random.randrange(1_000, 20_000),
        "amount_minor": random.randrange(5_000, 40_000),
        "per_day": random.randrange(1, 4),
    }
    await year.ask("PUT", "/api/credits/automatic-top-up", params={"customer": person.key}, json=terms)


async def _give(year: Year, person: Person) -> None:
    days = year.random.choice((None, 5, 40, 200))
    given = {
        "key": f"{person.key}-{year.now.isoformat()}",
        "customer": person.key,
        "kind": year.random.choice(("promotional", "goodwill")),
        "amount_minor": year.random.randrange(1, 30_000),
        "reason": "it was a bad day",
        "expires_at": None if days is None else (year.now + DAY * days).isoformat(),
    }
    answer = await year.ask("POST", "/api/credits/grants", json=given)
    assert answer.status_code == 201, answer.text


async def _take_credits(year: Year, person: Person) -> None:
    """The operator takes credits back: what was given is void, what was bought is refunded to its card."""
    found = await year.ask("GET", "/api/credits", params={"customer": person.key})
    grants = found.json()["grants"]
    if grants:
        grant = year.random.choice(grants)
        verb = "refund" if grant["kind"] == "paid" else "void"
        await year.ask("POST", f"/api/credits/grants/{grant['id']}/{verb}", json={"reason": "by mistake"})


async def _take_back(year: Year, person: Person) -> None:
    """A complaint: the operator takes back a part of some invoice or all that is left of it, paid or not."""
    listed = (await year.ask("GET", "/api/invoices", params={"customer": person.key})).json()["invoices"]
    if not listed:
        return
    invoice = year.random.choice(listed)
    request: dict[str, Any] = {"reason": "a complaint", "settlement": year.random.choice(("refund", "credit"))}
    if year.random.random() < 0.7:
        request["amount_minor"] = year.random.randrange(1, max(invoice["total_minor"], 2))
    answer = await year.ask("POST", f"/api/invoices/{invoice['id']}/credit-notes", json=request)
    assert answer.status_code in (201, 409, 422), answer.text


async def _end_open(year: Year, person: Person) -> None:
    """The operator voids an open invoice, or expects its money no more."""
    listed = (await year.ask("GET", "/api/invoices", params={"customer": person.key})).json()["invoices"]
    for invoice in listed:
        if invoice["status"] == "open":
            end = year.random.choice(("void", "write-off"))
            answer = await year.ask("POST", f"/api/invoices/{invoice['id']}/{end}", json={"reason": "as agreed"})
            assert answer.status_code in (200, 409), answer.text


async def _type_card(year: Year, url: str) -> None:
    """On the hosted page of the gateway, which is foreign: with whatever it asks in between."""
    page = httpx.URL(url).path
    form = {"number": year.random.choice(CARDS), "expiry": "12/30", "cvc": "123"}
    answer = await year.client.post(f"{page}/pay", data=form)
    assert answer.status_code < 500, answer.text
    await year.worker.drain()


async def _send_again(year: Year, person: Person) -> None:
    """The producer lost an answer: what was stored must not count again, whatever its period has become."""
    if person.sent:
        id, at = year.random.choice(person.sent)
        event = _event(year, person, at) | {"id": id}
        person.sent.pop()
        await _send(year, [event])


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
