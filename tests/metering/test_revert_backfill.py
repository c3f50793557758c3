"""A backfill is taken back as a whole, goes on after an interruption, and may come in again."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from autorisen import accounts, metering
from autorisen.kit.unit import Runtime
from autorisen.metering import BackfillState, Correction, RowCounts, list_backfills, new_event, revert_backfill
from autorisen.metering.backfills.revert_backfill import rehearse_revert
from autorisen.metering.errors import BackfillTaken, UnknownBackfill
from autorisen.metering.model import OPERATOR
from tests.factories.metering import llm_event
from tests.metering.test_backfills import backfill, make_house, write
from tests.metering.test_ingest import take, used


@pytest.fixture
async def acme(runtime: Runtime, tmp_path: Path) -> None:
    """Eleven rows of 1 token as the backfill `one`, in commits of four, beside a live event of 100."""
    await make_house(runtime)
    await take(runtime, llm_event("live", tokens=100))
    await backfill(runtime, write(tmp_path / "usage.csv", 11), tag="one", rows_a_commit=4)


async def tokens(runtime: Runtime) -> tuple[Decimal, int]:
    async with runtime.database.read() as tx:
        customer_id = (await accounts.customer_ids_by_key(tx, ["acme"]))["acme"]
    return await used(runtime, customer_id)


async def test_all_of_it_and_nothing_else_is_taken_back(runtime: Runtime, acme: None, database_url: str) -> None:
    assert await tokens(runtime) == (Decimal(111), 12)
    reverted = await revert_backfill(runtime, "one", actor="tests")
    assert reverted.reverted_events == 11
    assert await tokens(runtime) == (Decimal(100), 1)
    async with runtime.database.read() as tx:
        (kept,) = await list_backfills(tx)
    assert (kept.state, kept.reverted_by, kept.reverted_events) == (BackfillState.REVERTED, "tests", 11)
    with psycopg.connect(database_url) as connection:
        reasons = connection.execute("SELECT DISTINCT kind, reason FROM metering.corrections").fetchall()
    assert reasons == [("void", "the backfill one was reverted")]
    with pytest.raises(UnknownBackfill):
        await revert_backfill(runtime, "one", actor="tests")
    with pytest.raises(UnknownBackfill):
        await revert_backfill(runtime, "other", actor="tests")


async def test_an_interrupted_revert_goes_on(runtime: Runtime, acme: None, tmp_path: Path) -> None:
    """Goal: stopped after the first stretch, the file stays out, and the same call takes the rest back."""

    def die(done: int, total: int) -> None:
        assert (done, total) == (4, 11)
        raise KeyError

    with pytest.raises(KeyError):
        await revert_backfill(runtime, "one", actor="tests", on_progress=die)
    assert await tokens(runtime) == (Decimal(107), 8)
    with pytest.raises(BackfillTaken):
        await backfill(runtime, tmp_path / "usage.csv")
    assert (await revert_backfill(runtime, "one", actor="tests")).reverted_events == 11
    assert await tokens(runtime) == (Decimal(100), 1)


async def test_the_same_file_comes_in_again_and_goes_again(runtime: Runtime, acme: None, tmp_path: Path) -> None:
    """Goal: rows whose events were taken back are restored, new ones accepted, and a second revert takes both."""
    await revert_backfill(runtime, "one", actor="tests")
    report = await backfill(runtime, tmp_path / "usage.csv", tag="two", rows_a_commit=4)
    assert report.counts == RowCounts(restored=11)
    assert await tokens(runtime) == (Decimal(111), 12)
    assert (await revert_backfill(runtime, "two", actor="tests")).reverted_events == 11
    assert await tokens(runtime) == (Decimal(100), 1)


async def test_what_was_corrected_by_hand(runtime: Runtime, acme: None, database_url: str, tmp_path: Path) -> None:
    """Goal: an event voided by hand is not restored; one amended by hand is taken back too."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT source, event_id FROM metering.events ORDER BY occurred_at LIMIT 2"
        ).fetchall()
    (source, first), (_, second) = rows
    changed = new_event(llm_event(second, tokens=50, source=source, time="2026-02-01T00:00:01Z"))
    async with runtime.unit() as unit:
        made = [
            Correction(OPERATOR, source, first, "void", "by hand"),
            Correction(OPERATOR, source, second, "amend", "by hand", changed),
        ]
        await metering.correct_events(unit, actor="tests", corrections=made)
    assert await tokens(runtime) == (Decimal(159), 11)
    assert (await revert_backfill(runtime, "one", actor="tests")).reverted_events == 10
    assert await tokens(runtime) == (Decimal(100), 1)
    report = await backfill(runtime, tmp_path / "usage.csv", tag="two")
    assert report.counts == RowCounts(restored=10, duplicates=1)
    assert await tokens(runtime) == (Decimal(110), 11)


async def test_a_rehearsal_changes_nothing(runtime: Runtime, acme: None) -> None:
    class RollBack(Exception):
        pass

    with suppress(RollBack):
        async with runtime.unit() as unit:
            seen = await rehearse_revert(unit, "one", actor="tests")
            raise RollBack
    assert seen.subjects == {"acme"}
    assert (seen.start_at, seen.end_at) != (None, None)
    assert await tokens(runtime) == (Decimal(111), 12)
