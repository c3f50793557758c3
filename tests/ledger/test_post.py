"""Posting: once per reference, whole or not at all, and read back to the cent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime, Unit
from autorisen.ledger import (
    AccountBalance,
    Line,
    LinesUnbalanced,
    Posting,
    ReferenceConflict,
    account_balance,
    post,
    post_facts,
    statement,
    trial_balance,
)
from tests.factories.ledger import line, sale

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


async def post_lines(unit: Unit, reference: str, lines: list[Line], at: datetime = START) -> bool:
    return await post(unit, reference=reference, description=f"About {reference}", occurred_at=at, lines=lines)


async def test_what_is_posted_is_read_back(unit: Unit) -> None:
    invoice = [
        line("receivable:acme", 52900),
        line("revenue:subscription", -46000),
        line("tax:vat_output", -6900),
    ]
    assert await post_lines(unit, "invoice:1:issued", invoice)
    assert await post_lines(unit, "payment:1", [line("clearing:sandbox", 52900), line("receivable:acme", -52900)])
    balance = await trial_balance(unit.tx)
    assert balance.accounts == (
        AccountBalance("clearing:sandbox", "ZAR", 52900, 0),
        AccountBalance("receivable:acme", "ZAR", 52900, 52900),
        AccountBalance("revenue:subscription", "ZAR", 0, 46000),
        AccountBalance("tax:vat_output", "ZAR", 0, 6900),
    )
    assert balance.is_balanced
    assert await account_balance(unit.tx, "receivable:acme") == {"ZAR": Money(0, "ZAR")}
    assert await account_balance(unit.tx, "receivable:nobody") == {}


async def test_a_statement_runs_in_the_order_of_what_occurred(unit: Unit) -> None:
    await post_lines(unit, "later", sale(300), START + timedelta(days=2))
    await post_lines(unit, "earlier", sale(100), START)
    await post_lines(unit, "between", sale(7, "USD"), START + timedelta(days=1))
    lines = await statement(unit.tx, "receivable:acme")
    assert [(each.reference, each.amount.minor, each.balance) for each in lines] == [
        ("earlier", 100, Money(100, "ZAR")),
        ("between", 7, Money(7, "USD")),
        ("later", 300, Money(400, "ZAR")),
    ]
    assert lines[0].description == "About earlier"
    assert lines[0].occurred_at == START
    assert await account_balance(unit.tx, "receivable:acme") == {"USD": Money(7, "USD"), "ZAR": Money(400, "ZAR")}


async def test_the_same_again_changes_nothing(unit: Unit) -> None:
    assert await post_lines(unit, "invoice:1", sale(100)) is True
    before = await trial_balance(unit.tx)
    assert await post_lines(unit, "invoice:1", sale(100)[::-1], START + timedelta(days=1)) is False
    assert await trial_balance(unit.tx) == before


async def test_the_same_reference_with_other_lines_is_refused(unit: Unit) -> None:
    await post_lines(unit, "invoice:1", sale(100))
    before = await trial_balance(unit.tx)
    with pytest.raises(ReferenceConflict, match="invoice:1"):
        await post_lines(unit, "invoice:1", sale(101))
    assert await trial_balance(unit.tx) == before


async def test_what_is_refused_leaves_nothing(unit: Unit) -> None:
    with pytest.raises(LinesUnbalanced):
        await post_lines(unit, "invoice:1", [line("wallet:b", 100), line("wallet:c", -99)])
    assert (await trial_balance(unit.tx)).accounts == ()
    assert await post_lines(unit, "invoice:1", sale(100)), "the reference is still free"


async def test_of_concurrent_posts_of_one_reference_one_counts(runtime: Runtime) -> None:
    async def attempt() -> bool:
        async with runtime.unit() as unit:
            return await post_lines(unit, "invoice:1", sale(100))

    assert sorted(await asyncio.gather(*(attempt() for _ in range(6)))) == [False] * 5 + [True]
    async with runtime.database.read() as tx:
        assert await account_balance(tx, "receivable:acme") == {"ZAR": Money(100, "ZAR")}


async def test_posts_that_open_the_same_accounts_do_not_wait_for_each_other_for_ever(runtime: Runtime) -> None:
    async def attempt(number: int) -> bool:
        lines = [line(f"wallet:{letter}", 1) for letter in "abcdef"]
        ordered = lines if number % 2 else lines[::-1]
        async with runtime.unit() as unit:
            return await post_lines(unit, f"transfer:{number}", [*ordered, line("wallet:z", -6)])

    assert all(await asyncio.gather(*(attempt(number) for number in range(8))))
    async with runtime.database.read() as tx:
        assert (await account_balance(tx, "wallet:z"))["ZAR"].minor == -48


async def test_many_are_posted_as_each_alone(unit: Unit) -> None:
    await post_lines(unit, "invoice:1", sale(100))
    facts = [Posting(f"invoice:{number}", "Many", tuple(sale(100 * number))) for number in (1, 2, 3, 2)]
    assert await post_facts(unit, facts, occurred_at=START) == 2
    assert await post_facts(unit, facts, occurred_at=START) == 0
    assert await post_facts(unit, [], occurred_at=START) == 0
    lines = await statement(unit.tx, "receivable:acme")
    assert [(each.reference, each.amount.minor) for each in lines] == [
        ("invoice:1", 100),
        ("invoice:2", 200),
        ("invoice:3", 300),
    ]


async def test_one_of_many_that_differs_is_refused_with_all(runtime: Runtime) -> None:
    async def post_all(*facts: tuple[str, int]) -> None:
        async with runtime.unit() as unit:
            postings = [Posting(reference, "Many", tuple(sale(amount))) for reference, amount in facts]
            await post_facts(unit, postings, occurred_at=START)

    await post_all(("invoice:1", 100))
    with pytest.raises(ReferenceConflict, match="invoice:1"):
        await post_all(("invoice:2", 5), ("invoice:1", 7))
    with pytest.raises(ReferenceConflict, match="invoice:3"):
        await post_all(("invoice:3", 5), ("invoice:3", 6))
    async with runtime.database.read() as tx:
        assert len(await statement(tx, "receivable:acme")) == 1
