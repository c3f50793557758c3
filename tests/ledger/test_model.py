"""What may be posted, and what balances say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.money import Money
from autorisen.ledger import (
    AccountBalance,
    CurrencyTotal,
    Line,
    LinesUnbalanced,
    MalformedAccount,
    TooFewLines,
    TrialBalance,
    UnknownAccount,
)
from autorisen.ledger.model import lines_to_post, same_lines
from tests.factories.ledger import line, sale

amounts = st.integers(-(10**12), 10**12)


def test_lines_that_balance_are_posted_in_order() -> None:
    lines = [*sale(52900), *sale(2900, "USD")]
    assert lines_to_post(lines) == lines


def test_a_line_of_zero_is_left_out() -> None:
    assert lines_to_post([line("tax:vat_output", 0), *sale(100)]) == sale(100)


@pytest.mark.parametrize(
    "lines", [[], [line("wallet:b", 0), line("wallet:c", 0)], [line("wallet:b", 5), line("wallet:c", 0)]]
)
def test_fewer_than_two_lines_that_move_money_are_refused(lines: list[Line]) -> None:
    with pytest.raises(TooFewLines):
        lines_to_post(lines)


def test_each_currency_balances_by_itself() -> None:
    with pytest.raises(LinesUnbalanced, match=r"USD -1.00, ZAR 1.00"):
        lines_to_post([line("wallet:b", 100, "ZAR"), line("wallet:c", -100, "USD")])


@pytest.mark.parametrize(
    "account", ["", "revenue", "Revenue:usage", "revenue:", ":usage", "a b:c", "a:b\n", "wallet:" + "b" * 114]
)
def test_a_malformed_account_is_refused(account: str) -> None:
    with pytest.raises(MalformedAccount):
        lines_to_post([line(account, 1), line("wallet:b", -1)])


@pytest.mark.parametrize("account", ["suspense:x", "revenue:other", "deferred:subscription:x", "receivable_x:y"])
def test_an_account_that_the_chart_does_not_have_is_refused(account: str) -> None:
    with pytest.raises(UnknownAccount, match=account):
        lines_to_post([line(account, 1), line("wallet:b", -1)])


@given(st.lists(amounts.filter(bool), min_size=1, max_size=6), st.integers(-5, 5).filter(bool))
def test_only_sums_of_zero_pass(minors: list[int], error: int) -> None:
    lines = [line(f"wallet:{index}", minor) for index, minor in enumerate(minors)]
    closing = -sum(minors)
    if closing:
        assert lines_to_post([*lines, line("wallet:last", closing)])[-1].amount == Money(closing, "ZAR")
    with pytest.raises((LinesUnbalanced, TooFewLines)):
        lines_to_post([*lines, line("wallet:last", closing + error)])


def test_lines_are_the_same_in_any_order_but_not_in_another_number() -> None:
    first, second = sale(100)
    assert same_lines([first, second], [second, first])
    assert not same_lines([first, second], [first, second, second])
    assert not same_lines(sale(100), sale(101))


def test_a_trial_balance_adds_up_by_currency() -> None:
    balance = TrialBalance(
        (
            AccountBalance("wallet:b", "ZAR", 300, 100),
            AccountBalance("wallet:c", "ZAR", 0, 200),
            AccountBalance("wallet:b", "USD", 5, 5),
        )
    )
    assert balance.totals == (CurrencyTotal("USD", 5, 5), CurrencyTotal("ZAR", 300, 300))
    assert balance.is_balanced
    assert balance.accounts[0].balance == Money(200, "ZAR")
    assert not TrialBalance((AccountBalance("wallet:b", "ZAR", 1, 0),)).is_balanced
    assert TrialBalance(()).is_balanced
