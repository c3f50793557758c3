"""`autorisen reconcile` says what differs, and tells the shell."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from autorisen.kit.unit import Runtime
from autorisen.metering import ingest, latest_reconciliation
from autorisen.metering.decode import read_event
from tests.cli.conftest import Command
from tests.factories.accounts import make_customer
from tests.factories.metering import llm_event, make_meters


@pytest.fixture
async def wrong(runtime: Runtime) -> None:
    """One hour of which the rollups are doubled."""
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await make_customer(unit)
        await ingest(unit, None, [read_event(llm_event(id)) for id in ("a", "b", "c", "d")])
        await unit.tx.execute("UPDATE metering.rollups SET quantity = quantity * 2")


async def test_differences_are_printed_and_repaired(command: Command, runtime: Runtime, wrong: None) -> None:
    assert "Nothing differs" in (await command("reconcile")).output, "it was long ago"
    done = await command("reconcile", "--since", "2026-03-01")
    assert done.exit_code == 1, done.output
    for expected in (
        "2 differences",
        "rollup_quantity: customer cus_",
        "expected 40 of 4 events, found 80 of 4 events",
    ):
        assert expected in done.output
    assert "events: tests a, tests b, tests c, ..." in done.output
    assert "looked at hours since 2026-03-01 00:00 UTC" in done.output
    done = await command("reconcile", "--full", "--repair")
    assert (done.exit_code, "(repaired)" in done.output, "looked at everything" in done.output) == (0, True, True)
    done = await command("reconcile", "--since", "2026-03-01")
    assert (done.exit_code, "Nothing differs" in done.output) == (0, True), done.output
    async with runtime.database.read() as tx:
        last = await latest_reconciliation(tx)
    assert last is not None
    assert last.public_id in done.output


async def test_the_report_is_printed_as_it_is_kept(command: Command, runtime: Runtime, wrong: None) -> None:
    done = await command("reconcile", "--since", "2026-03-01T07:30:00+00:00", "--json")
    document = done.stdout[done.stdout.index("{") :].rstrip("\n")
    assert json.loads(document)["since"] == "2026-03-01T07:00:00Z"
    async with runtime.database.read() as tx:
        last = await latest_reconciliation(tx)
    assert last is not None
    assert last.digest == sha256(document.encode()).hexdigest()


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--since", "2026-03-01", "--full"]])
async def test_a_scope_that_cannot_be_is_refused(command: Command, words: list[str]) -> None:
    assert (await command("reconcile", *words)).exit_code == 2
