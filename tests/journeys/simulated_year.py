"""A year of many customers, lived through the public API by the sandbox's clock: they use, change, pay and correct.

Everything random comes from one seed, so a year can be lived again. Nothing is decided here: the API may refuse what
is asked of it, with a problem; what may never happen is looked for afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from random import Random

import httpx

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.ops import advance_clock
from tests.factories.accounts import make_key
from tests.factories.addons import pro_with
from tests.factories.catalog import apply_text
from tests.journeys import year_lives, year_money, year_usage
from tests.journeys.year_model import DAY, Person, Year

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
# What a customer may do on a day, by weight.
WISHES: Mapping[Callable[[Year, Person], Awaitable[None]], int] = {
    year_money.upgrade: 6,
    year_money.pay_open: 6,
    year_money.cancel: 2,
    year_money.resume: 2,
    year_lives.change: 4,
    year_lives.pause_or_resume: 3,
    year_lives.try_pro: 2,
    year_lives.subscribe: 2,
    year_lives.stop: 1,
    year_lives.have_addons: 3,
    year_money.redeem: 3,
    year_money.top_up: 2,
    year_money.consent: 1,
    year_money.give: 2,
    year_money.take_credits: 1,
    year_money.take_back: 4,
    year_money.end_open: 2,
    year_usage.send_late: 9,
    year_usage.send_again: 2,
    year_usage.void: 1,
    year_usage.amend: 1,
}


async def live(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, *, seed: int, customers: int, days: int = 365
) -> Year:
    """Live so many days with so many customers, who join in the first months; then wait until everything is closed."""
    random = Random(seed)
    async with runtime.unit() as unit:
        await apply_text(unit, pro_with() + "".join(year_money.COUPONS))
        operator = await make_key(unit, None)
    people = [
        Person(f"customer-{number}", "USD" if number % 4 == 0 else "ZAR", random.randrange(days // 3))
        for number in range(customers)
    ]
    year = Year(runtime, worker, client, random, operator, people, runtime.clock.now())
    for day in range(days):
        if day % 10 == 0:
            print(f"day {day} of {days}: {year.events} events, {year.answers.total()} answers", flush=True)
        for person in people:
            if person.joined_on == day:
                await _join(year, person)
        await year_usage.use(year, [person for person in people if person.joined_on <= day])
        for person in people:
            if person.joined_on < day and random.random() < 0.2:
                wish = random.choices(list(WISHES), list(WISHES.values()))[0]
                await wish(year, person)
                await worker.drain()
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
    if year.random.random() < 0.6:
        await year_money.redeem(year, person)
    if year.random.random() < 0.15:
        await year_lives.try_pro(year, person)
    elif year.random.random() < 0.7:
        await year_money.upgrade(year, person)
        await year_lives.have_addons(year, person)
