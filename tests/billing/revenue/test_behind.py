"""Revenue of a past that was never counted: the page answers at once, says how far it is, and the rest is counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from importlib import import_module

import pytest

from autorisen.accounts import Customer
from autorisen.billing.revenue import TABLES, list_changes, read_revenue
from autorisen.billing.revenue.read_revenue import Reach
from autorisen.kit.work import Worker, enqueue
from autorisen.kit.work.perform import perform_next
from autorisen.worker import registry
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.revenue import counted_anew, kept

OPERATOR = "op@op.example"


async def never_counted(shop: Shop) -> Customer:
    """Two months of one who pays, of which nothing is kept."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=32)
    await shop.upgrade(customer, "enterprise")
    await shop.advance(days=32)
    await shop.advance(days=2)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute("SET LOCAL session_replication_role = replica")
        for table in ("mrr_changes", "revenue_sums", "revenue_counts"):
            await unit.tx.execute(f"DELETE FROM billing.{table}".encode())
        await make_user(unit, email=OPERATOR, operator=True)
    return customer


async def waiting(shop: Shop) -> int:
    async with shop.runtime.database.read() as tx:
        row = await (await tx.execute("SELECT count(*) FROM kit.jobs WHERE kind = 'billing.count_revenue'")).fetchone()
    assert row is not None
    return int(row[0])


async def test_what_is_not_counted_is_not_shown_as_if_it_were(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await never_counted(shop)
    whole = await counted_anew(shop.runtime, shop.clock.now())
    assert await kept(shop.runtime, shop.clock.now()) == whole, "a little is counted while one waits"
    # The door has a function of the module's name.
    monkeypatch.setattr(import_module("autorisen.billing.revenue.read_revenue"), "EVENTS_AT_ONCE", 2)
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, None, ["admin"])
    said = (await shop.client.get("/api/revenue", headers=headers)).json()
    assert (said["counted_percent"], said["currencies"]) == (0, [])
    refused = await shop.client.get("/api/revenue/table", headers=headers)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "revenue_being_counted")
    await sign_in(shop.client, shop.runtime, OPERATOR)
    page = (await shop.client.get("/console/revenue")).text
    assert "The past is being counted" in page
    assert "0 %: everything on this page is as of" in page
    assert "No revenue yet" not in page
    for table in TABLES:
        assert (await shop.client.get(f"/console/revenue/{table}.csv")).status_code == 409
    assert await waiting(shop) == 1, "asked for again and again it is counted once"

    assert await perform_next(shop.runtime, registry())
    some = (await shop.client.get("/api/revenue", headers=headers)).json()
    assert 0 < some["counted_percent"] < 100
    as_of = datetime.fromisoformat(some["as_of"])
    assert as_of < shop.clock.now()
    async with shop.runtime.database.read(snapshot=True) as tx:
        then = await read_revenue(tx, as_of)
        listed = await list_changes(tx, shop.clock.now(), month=as_of.date().replace(day=1), currency="ZAR")
    [mrr] = [each["mrr"] for each in some["currencies"]]
    assert [each["closing_minor"] for each in mrr] == [each.closing.minor for each in then.currencies[0].mrr]
    assert [each.after.minor for each in listed] == [46_000], "the upgrade is not counted yet"
    page = (await shop.client.get("/console/revenue")).text
    assert f"{some['counted_percent']} %: everything on this page is as of" in page

    await shop.worker.drain()
    assert await waiting(shop) == 0
    assert await kept(shop.runtime, shop.clock.now()) == whole
    assert "is being counted" not in (await shop.client.get("/console/revenue")).text
    assert (await shop.client.get("/api/revenue/table", headers=headers)).status_code == 200


async def test_a_day_with_more_than_can_be_counted_is_left_to_the_night(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await never_counted(shop)
    await shop.advance(days=1)
    monkeypatch.setattr(import_module("autorisen.billing.revenue.read_revenue"), "EVENTS_AT_ONCE", 0)
    await shop.upgrade(await shop.customer("bolt"))
    await sign_in(shop.client, shop.runtime, OPERATOR)
    page = (await shop.client.get("/console/revenue")).text
    assert "Today is not in it yet" in page
    assert "It is counted tonight." in page
    assert await waiting(shop) == 0
    refused = await shop.client.get("/console/revenue/mrr.csv", headers={"Accept": "application/json"})
    assert refused.status_code == 409
    assert "try again tomorrow" in refused.text


async def test_two_who_count_at_once_count_each_stretch_once(shop: Shop) -> None:
    await never_counted(shop)
    whole = await counted_anew(shop.runtime, shop.clock.now())
    async with shop.runtime.unit() as unit:
        for number in range(3):
            await enqueue(unit, "billing.count_revenue", key=f"test-{number}")
    await asyncio.gather(*(Worker(shop.runtime, registry()).drain() for _ in range(3)))
    async with shop.runtime.database.read() as tx:
        failed = await (await tx.execute("SELECT last_error FROM kit.jobs WHERE last_error IS NOT NULL")).fetchall()
    assert failed == []
    assert await kept(shop.runtime, shop.clock.now()) == whole


def test_how_much_is_done() -> None:
    first, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 11, tzinfo=UTC)
    half = datetime(2026, 1, 6, tzinfo=UTC)
    assert Reach(first, half, half, whole=False).done(now) == 50
    assert Reach(first, now, now, whole=False).done(now) == 99, "it is never done before it is"
    assert Reach(first, half, now, whole=True).done(now) == 100
