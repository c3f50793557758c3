"""`autorisen ledger statement`: of an account and of a customer, as a table and as CSV."""

from __future__ import annotations

from uuid import UUID

from autorisen.accounts import CustomerNotFound
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
