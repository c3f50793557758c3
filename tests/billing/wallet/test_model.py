"""Which credits are drawn first, how much, and what falls: pure rules, tried with whatever grants there may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.wallet.model import (
    DEFAULT_PRIORITY,
    AutomaticTopUp,
    Grant,
    GrantKind,
    TopUp,
    TopUpStatus,
    balance,
    draw_order,
    fall,
    fell_below,
    life_given_back,
    plan_draws,
    should_top_up,
    top_up_of,
)
from autorisen.kit.money import Money

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CUSTOMER = UUID(int=1)
hours = st.integers(1, 24 * 400).map(lambda count: timedelta(hours=count))


@st.composite
def a_grant(draw: st.DrawFn, number: int = 0) -> Grant:
    amount = draw(st.integers(1, 100_000))
    granted_at = NOW - draw(hours)
    life = draw(st.one_of(st.none(), hours))
    return Grant(
        id=UUID(int=number or draw(st.integers(1, 2**100))),
        customer_id=CUSTOMER,
        kind=draw(st.sampled_from(GrantKind)),
        priority=draw(st.integers(0, 3)),
        amount=Money(amount, "ZAR"),
        remaining=Money(draw(st.integers(0, amount)), "ZAR"),
        source="tests",
        reason="",
        granted_at=granted_at,
        expires_at=None if life is None else granted_at + life,
    )


wallets = st.integers(0, 6).flatmap(lambda count: st.tuples(*(a_grant(number) for number in range(1, count + 1))))
dues = st.integers(0, 300_000).map(lambda minor: Money(minor, "ZAR"))


@given(wallets, dues)
def test_an_invoice_takes_all_it_can_and_nothing_more(grants: tuple[Grant, ...], due: Money) -> None:
    draws = plan_draws(grants, due, NOW)
    taken = sum(each.amount.minor for each in draws)
    assert taken == min(due.minor, balance(grants, "ZAR", NOW).minor)
    for each in draws:
        assert 0 < each.amount.minor <= each.grant.remaining.minor
        assert each.grant.expires_at is None or each.grant.expires_at > NOW
    assert len({each.grant.id for each in draws}) == len(draws)


@given(wallets, dues)
def test_what_comes_first_is_used_up_before_the_next(grants: tuple[Grant, ...], due: Money) -> None:
    draws = plan_draws(grants, due, NOW)
    usable = [grant for grant in draw_order(grants) if grant.is_usable(NOW)]
    assert [each.grant for each in draws] == usable[: len(draws)]
    assert all(each.amount == each.grant.remaining for each in draws[:-1])


@given(wallets)
def test_the_order_is_priority_then_expiry_then_age(grants: tuple[Grant, ...]) -> None:
    never = datetime.max.replace(tzinfo=UTC)
    for first, second in pairwise(draw_order(grants)):
        assert first.priority <= second.priority
        if first.priority == second.priority:
            assert (first.expires_at or never) <= (second.expires_at or never)
            if first.expires_at == second.expires_at:
                assert (first.granted_at, first.id) < (second.granted_at, second.id)


@given(wallets, dues)
def test_a_balance_falls_by_what_is_drawn(grants: tuple[Grant, ...], due: Money) -> None:
    draws = plan_draws(grants, due, NOW)
    if draws:
        found = fall(grants, {each.grant.id: each.amount for each in draws}, NOW)
        assert found.before == balance(grants, "ZAR", NOW)
        assert found.before - found.after == Money(sum(each.amount.minor for each in draws), "ZAR")
        assert found.after.minor >= 0


@given(a_grant(), hours, hours)
def test_credits_that_come_back_live_as_long_as_they_had_left(grant: Grant, before: timedelta, tied: timedelta) -> None:
    found = life_given_back(grant, NOW - before, NOW - before + tied)
    assert found == (None if grant.expires_at is None else grant.expires_at + tied)


def test_what_was_given_is_drawn_before_what_was_paid() -> None:
    assert DEFAULT_PRIORITY[GrantKind.PROMOTIONAL] < DEFAULT_PRIORITY[GrantKind.CREDIT_NOTE]
    assert DEFAULT_PRIORITY[GrantKind.GOODWILL] < DEFAULT_PRIORITY[GrantKind.CREDIT_NOTE]
    assert DEFAULT_PRIORITY[GrantKind.CREDIT_NOTE] < DEFAULT_PRIORITY[GrantKind.PAID]


def test_the_instant_of_expiry_is_too_late() -> None:
    grant = Grant(
        UUID(int=1), CUSTOMER, GrantKind.PAID, 0, Money(5, "ZAR"), Money(5, "ZAR"), "tests", "", NOW - timedelta(1), NOW
    )
    assert grant.is_usable(NOW - timedelta(microseconds=1))
    assert not grant.is_usable(NOW)


def test_a_threshold_is_crossed_once() -> None:
    ten, nine, eight = (Money(minor, "ZAR") for minor in (10, 9, 8))
    assert fell_below(ten, nine, ten)
    assert not fell_below(nine, eight, ten)
    assert not fell_below(ten, nine, nine)


def test_references_of_top_ups_are_told_from_others() -> None:
    assert top_up_of(f"topup:{UUID(int=3)}") == UUID(int=3)
    assert top_up_of(f"invoice:{UUID(int=3)}") is None
    assert top_up_of("topup:three") is None


SETTING = AutomaticTopUp(CUSTOMER, True, Money(10_000, "ZAR"), Money(50_000, "ZAR"), 2, 0, "", NOW)


def _top_up(hours_ago: float, status: TopUpStatus = TopUpStatus.PAID) -> TopUp:
    at = NOW - timedelta(hours=hours_ago)
    return TopUp(UUID(int=2), CUSTOMER, Money(50_000, "ZAR"), True, status, "", at, None)


def test_an_automatic_top_up_waits_its_turn() -> None:
    low, enough = Money(9_999, "ZAR"), Money(10_000, "ZAR")
    assert should_top_up(SETTING, low, [], NOW)
    assert not should_top_up(SETTING, enough, [], NOW)
    off = AutomaticTopUp(CUSTOMER, False, SETTING.threshold, SETTING.amount, 2, 0, "", NOW)
    assert not should_top_up(off, low, [], NOW)
    assert should_top_up(SETTING, low, [_top_up(1)], NOW)
    assert not should_top_up(SETTING, low, [_top_up(1), _top_up(23.9)], NOW)
    assert should_top_up(SETTING, low, [_top_up(1), _top_up(24)], NOW)
    assert not should_top_up(SETTING, low, [_top_up(30, TopUpStatus.PENDING)], NOW)
