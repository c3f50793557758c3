"""Any sequence of posts, right and wrong: the books equal a plain model, and keep six laws after every step.

Conservation (each currency sums to zero), no entry without its transaction, balances derived from entries alone,
idempotency by reference, conflict detection, and rejection atomicity (a refused post leaves every byte as it was).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from autorisen.kit.clock import FrozenClock
from autorisen.kit.database import Database, Tx
from autorisen.kit.ids import seeded_ids
from autorisen.kit.problems import Problem
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Unit
from autorisen.ledger import Line, account_balance, post, statement, trial_balance
from tests.factories.ledger import line

T = TypeVar("T")
START = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNTS = ("receivable:acme", "revenue:usage", "tax:vat_output", "clearing:sandbox")
EMPTY = "TRUNCATE ledger.entries, ledger.transactions, ledger.accounts"

lines_of_any_kind = st.lists(
    st.builds(
        line,
        st.sampled_from([*ACCOUNTS, "no account"]),
        st.integers(-3, 3),
        st.sampled_from(["ZAR", "USD"]),
    ),
    max_size=4,
)


@st.composite
def balanced_lines(draw: st.DrawFn) -> list[Line]:
    currency = draw(st.sampled_from(["ZAR", "USD"]))
    minors = draw(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=4))
    lines = [line(draw(st.sampled_from(ACCOUNTS)), minor, currency) for minor in minors]
    return [*lines, line(draw(st.sampled_from(ACCOUNTS)), -sum(minors), currency)]


references = st.sampled_from([f"reference:{number}" for number in range(6)])


class Books(RuleBasedStateMachine):
    """The system under test is the real verb on a real database; the model is a dictionary."""

    database: Database
    run: Callable[[Awaitable[None]], None]
    configuration: Settings

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, Counter[Line]] = {}
        clock = FrozenClock(START)
        self.ids, self.clock = seeded_ids(clock, 1), clock
        type(self).run(self._empty())

    async def _empty(self) -> None:
        async with self.database.transaction() as tx:
            # Only a superuser can do this, and only on purpose: each example begins with empty books.
            await tx.execute("SET LOCAL session_replication_role = replica")
            await tx.execute(EMPTY)

    @rule(reference=references, lines=st.one_of(balanced_lines(), lines_of_any_kind))
    def post(self, reference: str, lines: list[Line]) -> None:
        type(self).run(self._post(reference, lines))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def post_again(self, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(sorted(self.model)))
        type(self).run(self._post(reference, list(self.model[reference].elements())))

    async def _post(self, reference: str, lines: list[Line]) -> None:
        moving = Counter(each for each in lines if each.amount)
        sums: Counter[str] = Counter()
        for each in moving.elements():
            sums[each.amount.currency] += each.amount.minor
        well_formed = all(each.account in ACCOUNTS for each in lines)
        allowed = well_formed and moving.total() > 1 and not any(sums.values())
        allowed = allowed and self.model.get(reference, moving) == moving
        try:
            async with self.database.transaction() as tx:
                unit = Unit(tx, START, START, self.ids, self.configuration)
                is_new = await post(unit, reference=reference, description="", occurred_at=START, lines=lines)
        except Problem:
            assert not allowed
            return
        assert allowed
        assert is_new == (reference not in self.model)
        self.model[reference] = moving

    @invariant()
    def books_equal_the_model(self) -> None:
        type(self).run(self._compare())

    async def _compare(self) -> None:
        async with self.database.read() as tx:
            found = await trial_balance(tx)
            assert found.is_balanced
            expected: Counter[tuple[str, str]] = Counter()
            touched = set()
            for lines in self.model.values():
                for each in lines.elements():
                    expected[each.account, each.amount.currency] += each.amount.minor
                    touched.add((each.account, each.amount.currency))
            assert {(row.account, row.currency): row.balance.minor for row in found.accounts} == {
                key: expected[key] for key in touched
            }
            for account in ACCOUNTS:
                await self._compare_account(tx, account)

    async def _compare_account(self, tx: Tx, account: str) -> None:
        lines = await statement(tx, account)
        posted = Counter(
            (reference, each.amount) for reference, all_of in self.model.items() for each in all_of.elements()
            if each.account == account
        )  # fmt: skip
        assert Counter((each.reference, each.amount) for each in lines) == posted
        assert await account_balance(tx, account) == {each.amount.currency: each.balance for each in lines}


@pytest.mark.slow
def test_the_books_hold_after_any_sequence_of_posts(database_url: str, settings_of_hypothesis: settings) -> None:
    loop = asyncio.new_event_loop()
    database = Database(database_url, max_size=2)

    def run(work: Awaitable[T]) -> T:
        async def finish() -> T:
            return await work

        return loop.run_until_complete(finish())

    run(database.open())
    machine = type("Machine", (Books,), {"database": database, "run": staticmethod(run), "configuration": Settings()})
    try:
        run_state_machine_as_test(machine, settings=settings_of_hypothesis)
    finally:
        run(database.close())
        loop.close()


@pytest.fixture
def settings_of_hypothesis() -> settings:
    return settings(max_examples=25, stateful_step_count=15, deadline=None)
