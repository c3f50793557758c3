"""`autorisen audit`: a table and exit code 0 for honest books; findings and 1 otherwise; JSON as it is kept."""

from __future__ import annotations

import json

import httpx

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.cli.conftest import Command
from tests.factories.billing import Shop


async def test_the_audit_of_honest_and_of_dishonest_books(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock, command: Command
) -> None:
    shop = Shop(runtime, worker, client, clock)
    await shop.upgrade(await shop.customer())
    clean = await command("audit")
    assert clean.exit_code == 0, clean.output
    for expected in ("every closed period is billed exactly once", "Everything is explained; 0 cents", "Kept as aud_"):
        assert expected in clean.output
    async with runtime.unit() as unit:
        await unit.tx.execute("SET LOCAL session_replication_role = replica")
        for number in range(60):
            statement = "INSERT INTO ledger.accounts VALUES (%s, now())"
            await unit.tx.execute(statement, (f"suspense:planted-{number}",))
        await unit.tx.execute("UPDATE billing.invoices SET amount_paid_minor = 1, status = 'open', paid_at = NULL")
    wrong = await command("audit")
    assert wrong.exit_code == 1
    for expected in ("invoice_paid: INV-2026-00001", "expected ZAR 529.00", "found    ZAR 0.01", "and 12 more"):
        assert expected in wrong.output
    told = await command("audit", "--json")
    assert told.exit_code == 1
    document = json.loads(told.stdout)
    assert document["findings"] == 62
    assert document["unexplained_cents"] == 52_899 + 52_899
