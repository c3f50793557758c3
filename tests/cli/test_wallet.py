"""`autorisen wallet`: a customer's credits, and giving some."""

from __future__ import annotations

from autorisen.accounts import CustomerNotFound
from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Runtime
from tests.cli.conftest import Command
from tests.factories.accounts import make_customer


async def test_credits_are_given_and_shown(runtime: Runtime, command: Command) -> None:
    async with runtime.unit() as unit:
        await make_customer(unit)
    assert "There never were any" in (await command("wallet", "show", "acme")).output
    for _ in range(2):
        given = await command("wallet", "grant", "acme", "250.50", "--reason", "sorry", "--days", "30", "--key", "a")
        assert given.exit_code == 0, given.output
        assert "ZAR 250.50 granted" in given.output
    await command("wallet", "grant", "acme", "10", "--reason", "welcome", "--kind", "promotional")
    shown = (await command("wallet", "show", "acme")).output
    for text in ("Acme has ZAR 260.50 of credits", "goodwill", "promotional", "never", "sorry"):
        assert text in shown, text


async def test_what_can_not_be_given(runtime: Runtime, command: Command) -> None:
    async with runtime.unit() as unit:
        await make_customer(unit)
    assert isinstance((await command("wallet", "show", "nobody")).exception, CustomerNotFound)
    wrong = await command("wallet", "grant", "acme", "lots", "--reason", "x")
    assert isinstance(wrong.exception, InvalidInput)
    paid = await command("wallet", "grant", "acme", "5", "--reason", "x", "--kind", "paid")
    assert paid.exit_code == 2
    assert "only goodwill and promotional" in paid.output
