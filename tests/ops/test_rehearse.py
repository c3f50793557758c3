"""A rehearsal says to the cent what a backfill would do, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from autorisen import metering
from autorisen.billing import LineKind
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Worker
from autorisen.ops import Difference, rehearse
from tests.factories.billing import START, Shop

OPTIONS = metering.BackfillOptions(type="agent.execution")


@pytest.fixture
def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    return Shop(runtime, worker, client, clock)


def write(path: Path, rows: list[tuple[str, datetime]]) -> metering.UsageFile:
    path.write_text("subject,time\n" + "".join(f"{subject},{at.isoformat()}\n" for subject, at in rows))
    return metering.open_file(path)


async def rehearsed(runtime: Runtime, file: metering.UsageFile) -> Difference:
    async def change(unit: Unit) -> metering.Rehearsal:
        return await metering.rehearse_backfill(unit, file, OPTIONS, actor="tests")

    return await rehearse(runtime, change)


def stored(url: str) -> Iterator[tuple[str, int, object]]:
    """How many rows each table has, and a digest of them."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t")
            row = connection.execute(query.format(sql.Identifier(schema, table))).fetchone()
            assert row is not None
            yield f"{schema}.{table}", *row


async def test_to_the_cent_and_nothing_stays(shop: Shop, tmp_path: Path) -> None:
    """Goal: what was told before a backfill is what the next invoice then says, for open and closed periods."""
    acme, other = await shop.customer(), await shop.customer("other")
    await shop.upgrade(acme)
    await shop.advance(days=1)
    await shop.use(acme, 1_990)
    await shop.advance(days=30, hours=2)
    now = shop.runtime.clock.now()
    closed, running = START + timedelta(days=20), now - timedelta(hours=1)
    rows = [("acme", closed)] * 30 + [("acme", running)] * 2_100 + [("other", running)] * 60 + [("nobody", closed)]
    file = write(tmp_path / "usage.csv", rows)
    before = list(stored(shop.runtime.database.url))
    difference = await rehearsed(shop.runtime, file)
    assert list(stored(shop.runtime.database.url)) == before

    assert difference.unknown == ("nobody",)
    assert difference.rehearsal.report is not None
    assert difference.rehearsal.report.counts == metering.RowCounts(accepted=2_191)
    assert (difference.rehearsal.start_at, difference.rehearsal.end_at) == (closed, running)
    first, second = difference.customers
    assert (first.customer, second.customer) == (acme, other)
    assert first.meters() == second.meters() == ["agent.execution"]
    assert (first.before.quantities, first.after.quantities["agent.execution"]) == ({}, Decimal(2_130))
    # R529 for Pro; 100 beyond 2,000 at R0.25; 20 of the 30 late ones are beyond what the closed period included.
    assert first.before.cost_so_far is not None
    assert first.after.cost_so_far is not None
    assert (first.before.cost_so_far.minor, first.after.cost_so_far.minor) == (52_900, 52_900 + 2_500)
    assert first.before.next_invoice is not None
    assert first.after.next_invoice is not None
    assert (first.before.next_invoice.minor, first.after.next_invoice.minor) == (52_900, 52_900 + 2_500 + 500)
    assert first.before.adjustments == ()
    (adjustment,) = first.after.adjustments
    assert (adjustment.billed, adjustment.quantity, adjustment.amount.minor) == (Decimal(1_990), Decimal(2_020), 500)
    assert second.after.next_invoice == second.before.next_invoice

    report = await metering.backfill_file(shop.runtime, file, OPTIONS, actor="tests")
    assert report.counts == difference.rehearsal.report.counts
    await shop.advance(days=31)
    invoice = (await shop.invoices(acme))[-1]
    assert invoice.total == first.after.next_invoice
    assert {line.kind for line in invoice.lines} == {LineKind.USAGE, LineKind.USAGE_ADJUSTMENT, LineKind.FLAT_FEE}


async def test_what_is_in_already_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    await shop.customer()
    file = write(tmp_path / "usage.csv", [("acme", START)] * 3)
    await metering.backfill_file(shop.runtime, file, OPTIONS, actor="tests")
    again = await rehearsed(shop.runtime, file)
    assert again.customers == ()
    assert again.rehearsal.report is not None
    assert again.rehearsal.report.done_before is not None


async def test_a_rehearsal_that_fails_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    await shop.customer()
    before = list(stored(shop.runtime.database.url))
    file = write(tmp_path / "usage.csv", [("acme", START)] * 3)
    (tmp_path / "usage.csv").write_text("subject,time\nacme,2026-03-01T08:00:00+00:00\n")
    with pytest.raises(metering.InvalidBackfill):
        await rehearsed(shop.runtime, file)
    assert list(stored(shop.runtime.database.url)) == before
