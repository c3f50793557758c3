"""`autorisen catalog what-if`: a changed file on past months."""

from __future__ import annotations

from pathlib import Path

import httpx

from autorisen import catalog
from autorisen.accounts import CustomerNotFound
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.cli.conftest import Command
from tests.factories.billing import Shop


async def test_who_would_pay_more(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock, command: Command, tmp_path: Path
) -> None:
    shop = Shop(runtime, worker, client, clock)
    file = tmp_path / "catalog.toml"
    file.write_text(catalog.shipped_catalog().replace('amount = "529.00"', 'amount = "629.00"'), encoding="utf-8")
    customer = await shop.customer()
    assert "No period ended" in (await command("catalog", "what-if", str(file))).output
    await shop.upgrade(customer)
    await shop.advance(days=31, hours=2)
    # The command has the machine's clock; the test's is in its past.
    asked = await command("catalog", "what-if", str(file), "--months", "24", "--customer", "acme")
    assert asked.exit_code == 0, asked.output
    for text in (
        "ZAR 629.00 as it would be",
        "1 customers would pay more",
        "5 to 20 % more",
        "acme",
        "1 of 1 customers",
    ):
        assert text in asked.output, text
    gone = file.read_text(encoding="utf-8").replace('key = "pro"', 'key = "other"')
    file.write_text(gone, encoding="utf-8")
    assert "does not sell the plan of 1" in (await command("catalog", "what-if", str(file), "--months", "24")).output
    long_ago = await command("catalog", "what-if", str(file), "--until", "2020-01-01")
    assert "No period ended" in long_ago.output
    nobody = await command("catalog", "what-if", str(file), "--customer", "nobody")
    assert isinstance(nobody.exception, CustomerNotFound)
