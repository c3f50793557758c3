"""Past months under a changed file: what each would pay is what the close makes of it; nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from autorisen import catalog
from autorisen.accounts import Customer
from autorisen.billing.what_if import WhatIfBatch, plans_of_file, stretch_of, what_if
from autorisen.billing.what_if.rate_again import months_back
from autorisen.kit.ids import public_id
from tests.factories.accounts import make_key
from tests.factories.billing import Shop

SHIPPED = catalog.shipped_catalog()
# Pro dearer by R100.00 a month, and its executions twice as dear.
DEARER = SHIPPED.replace('amount = "529.00"', 'amount = "629.00"').replace('amount = "0.25"', 'amount = "0.50"')


async def _ask(shop: Shop, text: str, *, months: int = 3, limit: int = 100, after: UUID | None = None) -> WhatIfBatch:
    now = shop.clock.now()
    plans = plans_of_file(catalog.load_catalog(text), now)
    since, until = stretch_of(now, months, None)
    async with shop.runtime.database.read() as tx:
        return await what_if(tx, plans, since=since, until=until, limit=limit, after=after)


async def _a_month(shop: Shop, key: str = "acme", use: int = 2_100) -> Customer:
    customer = await shop.customer(key)
    await shop.upgrade(customer)
    await shop.advance(hours=1)
    await shop.use(customer, use, prefix=f"{key}-run")
    return customer


async def test_under_the_file_that_is_sold_nothing_changes(shop: Shop) -> None:
    customer = await _a_month(shop)
    await shop.advance(days=31, hours=2)
    batch = await _ask(shop, SHIPPED)
    (outcome,) = batch.outcomes
    assert (outcome.key, batch.customers, batch.total, batch.next) == ("acme", 1, 1, None)
    assert (outcome.before, outcome.unsold) == (outcome.after, ())
    billed = [line.amount.minor for each in await shop.invoices(customer) for line in each.lines]
    # The first fee and the use of its month; the fee of the month that runs is no past one.
    assert outcome.before.minor == sum(billed) - 52_900


async def test_dearer_prices_are_paid_by_who_uses_more(shop: Shop) -> None:
    await _a_month(shop)
    await shop.advance(days=31, hours=2)
    (outcome,) = (await _ask(shop, DEARER)).outcomes
    assert (outcome.before.minor, outcome.after.minor) == (52_900 + 2_500, 62_900 + 5_000)
    assert outcome.difference.minor == 12_500


async def test_a_fee_that_was_cut_counts_for_the_time_it_served(shop: Shop) -> None:
    customer = await _a_month(shop, use=0)
    await shop.advance(days=15)
    await shop.upgrade(customer, "enterprise")
    await shop.advance(days=32)
    (outcome,) = (await _ask(shop, SHIPPED)).outcomes
    net = sum(line.amount.minor for each in await shop.invoices(customer) for line in each.lines)
    following = (await shop.invoices(customer))[-1].total.minor
    assert outcome.before.minor == outcome.after.minor == net - following


async def test_a_plan_that_the_file_does_not_sell_is_named_and_in_no_sum(shop: Shop) -> None:
    await _a_month(shop)
    await shop.advance(days=31, hours=2)
    (outcome,) = (await _ask(shop, SHIPPED.replace('key = "pro"', 'key = "other"'))).outcomes
    assert outcome.unsold == ("pro",)
    free = (await _ask(shop, SHIPPED)).outcomes[0].before.minor - 55_400
    assert (outcome.before.minor, outcome.after.minor) == (free, free)


async def test_batches_go_on_where_the_last_one_ended_and_nothing_is_written(shop: Shop) -> None:
    for key in ("acme", "bolt", "cove"):
        await _a_month(shop, key)
    await shop.advance(days=31, hours=2)
    statement = "SELECT (SELECT count(*) FROM billing.rated_usage), (SELECT count(*) FROM catalog.plan_versions)"
    async with shop.runtime.database.read() as tx:
        before = await (await tx.execute(statement)).fetchone()
    first = await _ask(shop, DEARER, limit=2)
    rest = await _ask(shop, DEARER, limit=2, after=first.next)
    assert (first.customers, first.total, rest.customers, rest.total, rest.next) == (2, 3, 1, None, None)
    whole = await _ask(shop, DEARER)
    assert first.outcomes + rest.outcomes == whole.outcomes
    async with shop.runtime.database.read() as tx:
        assert await (await tx.execute(statement)).fetchone() == before


async def test_only_the_months_that_were_asked_for(shop: Shop) -> None:
    await _a_month(shop)
    await shop.advance(days=31, hours=2)
    await shop.advance(days=31)
    # Free until the upgrade, and Pro since then.
    assert [each.periods for each in (await _ask(shop, SHIPPED, months=1)).outcomes] == [1]
    assert (await _ask(shop, SHIPPED)).outcomes[0].periods > 1


@pytest.mark.parametrize(
    "now, months, then",
    [
        (datetime(2026, 3, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2026, 3, 1, 5, tzinfo=UTC), 3, datetime(2025, 12, 1, 5, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), 24, datetime(2024, 12, 31, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_calendar(now: datetime, months: int, then: datetime) -> None:
    assert months_back(now, months) == then


async def test_months_of_long_ago(shop: Shop, client: httpx.AsyncClient) -> None:
    """The months before an instant of the past: what ended after it does not count, however late it is asked."""
    await _a_month(shop)
    await shop.advance(days=31, hours=2)
    first_month_over = shop.clock.now()
    await shop.advance(days=31)
    await shop.advance(days=31)
    async with shop.runtime.unit() as unit:
        operator = await make_key(unit, None)
    ask = {"catalog": DEARER, "until": first_month_over.isoformat()}
    answer = (await client.post("/api/catalog/what-if", json=ask, headers=operator)).json()
    assert answer["until"] == first_month_over.isoformat().replace("+00:00", "Z")
    (outcome,) = answer["outcomes"]
    assert (outcome["before_minor"], outcome["after_minor"]) == (55_400, 67_900)
    whole = await client.post("/api/catalog/what-if", json={"catalog": DEARER}, headers=operator)
    assert whole.json()["outcomes"][0]["before_minor"] == 3 * 52_900 + 2_500


async def test_the_machine_interface(shop: Shop, client: httpx.AsyncClient) -> None:
    for key in ("acme", "bolt"):
        await _a_month(shop, key)
    await shop.advance(days=31, hours=2)
    async with shop.runtime.unit() as unit:
        operator = await make_key(unit, None)
    ask = {"catalog": DEARER, "limit": 1}
    first = (await client.post("/api/catalog/what-if", json=ask, headers=operator)).json()
    assert (first["total"], first["customers"], len(first["outcomes"])) == (2, 1, 1)
    rest = (await client.post("/api/catalog/what-if", json=ask | {"after": first["next"]}, headers=operator)).json()
    assert (rest["next"], rest["total"]) == (None, None)
    assert {each["key"] for each in (*first["outcomes"], *rest["outcomes"])} == {"acme", "bolt"}
    only = await client.post("/api/catalog/what-if", json={"catalog": DEARER, "customers": ["bolt"]}, headers=operator)
    (outcome,) = only.json()["outcomes"]
    assert (outcome["before_minor"], outcome["after_minor"], outcome["difference_minor"]) == (55_400, 67_900, 12_500)


@pytest.mark.parametrize(
    "change, field",
    [
        ({"catalog": ""}, "/catalog"),
        ({"catalog": "plan = 1"}, None),
        ({"months": 0}, "/months"),
        ({"months": 25}, "/months"),
        ({"customers": []}, "/customers"),
        ({"customers": ["nobody"]}, "/customers/0"),
        ({"after": "cus_x"}, "/after"),
        ({"limit": 501}, "/limit"),
        ({"until": "2027-01-01T00:00:00Z"}, "/until"),
        ({"until": "1999-12-31T00:00:00Z"}, "/until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "/until"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "/until"),
        ({"until": "2026-01-01T00:00:00"}, "/until"),
    ],
)
async def test_a_hostile_question_is_refused_by_field(
    shop: Shop, client: httpx.AsyncClient, change: dict[str, object], field: str | None
) -> None:
    async with shop.runtime.unit() as unit:
        operator = await make_key(unit, None)
    answer = await client.post("/api/catalog/what-if", json={"catalog": SHIPPED} | change, headers=operator)
    assert answer.status_code == 422
    if field is not None:
        assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_customers_are_not_told_what_others_pay(shop: Shop, client: httpx.AsyncClient) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    answer = await client.post("/api/catalog/what-if", json={"catalog": SHIPPED}, headers=headers)
    assert answer.status_code == 403
    assert public_id("cus", customer.id) not in answer.text
