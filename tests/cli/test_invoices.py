"""`autorisen invoices export`: the table on standard output."""

from __future__ import annotations

import httpx

from autorisen.accounts import CustomerNotFound
from autorisen.kit.clock import FrozenClock
from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.cli.conftest import Command
from tests.factories.billing import Shop


async def test_the_table_for_accountants(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock, command: Command
) -> None:
    shop = Shop(runtime, worker, client, clock)
    for key in ("acme", "other"):
        await shop.upgrade(await shop.customer(key))
    whole = await command("invoices", "export", "--from", "2026-01-01", "--to", "2026-12-31")
    assert whole.exit_code == 0, whole.output
    assert whole.output.startswith("date,document,number")
    assert [line.split(",")[2] for line in whole.output.splitlines()[1:]] == ["INV-2026-00001", "INV-2026-00002"]
    lines = await command(
        "invoices", "export", "--from", "2026-01-01", "--to", "2026-12-31", "--customer", "other", "--lines"
    )
    [row] = lines.output.splitlines()[1:]
    assert "flat_fee" in row
    assert "INV-2026-00002" in row
    assert isinstance((await command("invoices", "export", "--customer", "nobody")).exception, CustomerNotFound)
    assert isinstance((await command("invoices", "export", "--from", "today")).exception, InvalidInput)
