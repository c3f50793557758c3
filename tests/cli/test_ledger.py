"""`autorisen ledger`: statements of accounts and customers, and deferred revenue, as tables and as CSV."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from autorisen.accounts import CustomerNotFound
from autorisen.billing.deferred.model import Movement
from autorisen.billing.deferred.store import insert_movements
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.ledger import NoAccount, post_fact, postings
from tests.cli.conftest import Command
from tests.factories.accounts import make_customer


async def test_a_statement_of_an_account_and_of_a_customer(runtime: Runtime, command: Command) -> None:
    async with runtime.unit() as unit:
        acme = await make_customer(unit)
        paid = postings.payment_unapplied(
            payment_id=UUID(int=1),
            customer_id=acme.id,
            gateway="sandbox",
            amount=Money(52_900, "ZAR"),
            reason="tests",
        )
        await post_fact(unit, paid, occurred_at=unit.now)
    shown = await command("ledger", "statement", "clearing:sandbox", "--to", "2026-03-31")
    assert shown.exit_code == 0, shown.output
    for expected in ("ZAR, 2025-03-01 to 2026-03-31", "Balance before", "Payment that pays nothing", "529.00"):
        assert expected in shown.output
    table = await command("ledger", "statement", "acme", "--from", "2026-03-01", "--csv")
    assert table.output.splitlines()[0] == "date,description,reference,currency,amount,balance"
    assert ",-529.00,-529.00" in table.output


async def test_nothing_and_nobody(runtime: Runtime, command: Command) -> None:
    async with runtime.unit() as unit:
        await make_customer(unit)
    assert "Nothing happened yet." in (await command("ledger", "statement", "acme")).output
    assert isinstance((await command("ledger", "statement", "clearing:nobody")).exception, NoAccount)
    assert isinstance((await command("ledger", "statement", "nobody")).exception, CustomerNotFound)


async def test_deferred_revenue_by_month(runtime: Runtime, command: Command) -> None:
    assert "Nothing is deferred yet." in (await command("ledger", "deferred-revenue")).output
    march, april, may = (date(2026, month, 1) for month in (3, 4, 5))
    async with runtime.unit() as unit:
        made = [Movement("ZAR", march, april, 46_000, 1_484), Movement("ZAR", april, may, 0, 44_516)]
        await insert_movements(unit.tx, made, unit.now)
    shown = await command("ledger", "deferred-revenue")
    assert shown.exit_code == 0, shown.output
    for expected in ("ZAR, to the end of 2026-04-30", "2026-03", "445.16"):
        assert expected in shown.output
    assert (await command("ledger", "deferred-revenue", "--csv")).output.splitlines() == [
        "month,currency,opening,added,recognised,closing",
        "2026-03,ZAR,0.00,460.00,14.84,445.16",
        "2026-04,ZAR,445.16,0.00,445.16,0.00",
    ]
