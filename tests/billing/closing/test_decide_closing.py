"""What the end of a period comes to, whole: every field that is written follows from the state and the rules. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest

from autorisen.billing.build_draft import fee_between
from autorisen.billing.build_invoice import LateUsage, adjustment_line, fee_line, usage_line
from autorisen.billing.closing.decide_closing import decide_closing, require_counted
from autorisen.billing.closing.model import ClosingDecision, ClosingRules, ClosingState
from autorisen.billing.coupons import Redemption
from autorisen.billing.errors import MeterNotCounted
from autorisen.billing.model import Closing, Draft, LineKind, Party, Purpose
from autorisen.billing.new_invoice import NewInvoice
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating.late_usage import BilledPeriod, late_usage
from autorisen.billing.rating.rate_usage import PeriodUsage, RatingTerms, rate_usage, terms_of_period
from autorisen.catalog import AddonPrice, Cell, CellPrice, PerUnit, PlanVersion, Used
from autorisen.kit.money import Money
from autorisen.metering import Quantity
from autorisen.subscriptions import AddonChange, EndedPeriod, Period, Subscription
from tests.factories.billing import SUPPLIER, VAT_15
from tests.factories.catalog import usage_price
from tests.factories.contracts import (
    AFTER,
    BUYER,
    CONTRACT,
    END,
    PERIOD,
    START,
    a_flat_price,
    a_plan,
    new_ids,
)
from tests.factories.coupons import redemption_of

METER = "agent.execution"
NAMES = {METER: "Agent executions"}
AT = END + timedelta(hours=1)
PRO = a_plan(a_flat_price(52_900), usage_price("25", included="2000"))
FREE = a_plan(a_flat_price(0), usage_price("25", included="50", overage_allowed=False), key="free", id=5)
DEAR = a_plan(a_flat_price(99_900), key="dear", id=7)
TERMS = terms_of_period(PERIOD, PRO, "ZAR")
JANUARY = replace(PERIOD, id=UUID(int=8), start_at=START - timedelta(days=31), end_at=START, planned_end_at=START)


def used(quantity: int, events: int = 3) -> PeriodUsage:
    return PeriodUsage({METER: Quantity(Decimal(quantity), events)})


def rating(
    quantity: int, *, terms: RatingTerms = TERMS, events: int = 3, at: datetime = AT, id: int = 101
) -> RatedUsage:
    [found] = rate_usage(terms, used(quantity, events), NAMES, at=at, new_id=lambda: UUID(int=id))
    return found


def late(billed: int, now: int) -> BilledPeriod:
    """January, of which so much was billed and so much is known now."""
    terms = terms_of_period(JANUARY, PRO, "ZAR")
    return BilledPeriod(terms, {(METER, None): rating(billed, terms=terms, at=START, id=99)}, used(now, 4))


def close(
    quantity: int = 2_500,
    *,
    subscription: Subscription = CONTRACT,
    period: Period = PERIOD,
    plan: PlanVersion = PRO,
    earlier: Sequence[BilledPeriod] = (),
    coupons: Sequence[Redemption] = (),
    addons: Sequence[AddonChange] = (),
    at: datetime = AT,
) -> ClosingDecision:
    over = EndedPeriod(period, subscription, BUYER, None, FREE)
    state = ClosingState(
        over, terms_of_period(period, plan, "ZAR"), used(quantity), tuple(earlier), tuple(coupons), tuple(addons)
    )
    plans = {each.id: each for each in (PRO, FREE, DEAR)}
    rules = ClosingRules(at, SUPPLIER, NAMES, frozenset(), plans)
    return decide_closing(state, rules, new_id=new_ids())


def amounts(decision: ClosingDecision) -> list[tuple[LineKind, int]]:
    return [(line.kind, line.amount.minor) for line in decision.draft.lines]


def test_a_period_of_a_plan_with_a_fee_and_usage() -> None:
    found = close()
    fee = fee_between(PRO, "ZAR", "month", END, AFTER)
    assert fee is not None
    rated = rating(2_500)
    draft = Draft(
        customer_id=BUYER.id,
        subscription_id=CONTRACT.id,
        period_id=PERIOD.id,
        purpose=Purpose.PERIOD_CLOSE,
        currency="ZAR",
        tax_terms=VAT_15,
        supplier=SUPPLIER,
        customer=Party("Acme", "1 Long Street", "", "pay@acme.example", "ZA"),
        time_zone="Africa/Johannesburg",
        lines=(usage_line(rated, VAT_15), fee_line(fee, VAT_15)),
    )
    invoice = NewInvoice(UUID(int=103), draft, (UUID(int=104), UUID(int=105)))
    closing = Closing(
        period_id=PERIOD.id,
        customer_id=BUYER.id,
        subscription_id=CONTRACT.id,
        invoice_id=invoice.id,
        period_start=START,
        period_end=END,
        interval="month",
        currency="ZAR",
        plan_version_id=PRO.id,
        closed_at=AT,
        kind="paid",
    )
    assert found.renewal.opened is not None
    assert found == ClosingDecision(closing, found.renewal, (rated,), draft, invoice, found.renewal.opened.id)
    assert amounts(found) == [(LineKind.USAGE, 12_500), (LineKind.FLAT_FEE, 52_900)]
    assert (found.renewal.opened.start_at, found.renewal.opened.end_at) == (END, AFTER)


def test_where_nothing_costs_anything_there_is_no_invoice() -> None:
    period = replace(PERIOD, plan_version_id=FREE.id)
    found = close(40, subscription=replace(CONTRACT, plan_version_id=FREE.id), period=period, plan=FREE)
    assert (found.invoice, found.fee_period_id, found.closing.invoice_id) == (None, None, None)
    assert found.renewal.following is not None, "a period follows, and costs nothing"
    assert [each.quantity for each in found.rated] == [40]
    assert amounts(found) == [(LineKind.USAGE, 0)]


def test_usage_without_a_fee_bills_no_period() -> None:
    found = close(subscription=replace(CONTRACT, cancel_at_period_end=True))
    assert amounts(found) == [(LineKind.USAGE, 12_500)]
    assert found.invoice is not None
    assert found.fee_period_id is None
    paused = close(subscription=replace(CONTRACT, pause_at_period_end=True))
    assert (paused.renewal.following, paused.fee_period_id) == (None, None)
    assert amounts(paused) == [(LineKind.USAGE, 12_500)]


def test_corrections_are_lines_and_new_revisions_as_far_as_the_invoice_carries_them() -> None:
    found = close(earlier=[late(2_010, 2_030)])
    assert amounts(found) == [(LineKind.USAGE, 12_500), (LineKind.USAGE_ADJUSTMENT, 500), (LineKind.FLAT_FEE, 52_900)]
    assert [(each.period_id, each.revision, each.quantity) for each in found.rated] == [
        (PERIOD.id, 1, Decimal(2_500)),
        (JANUARY.id, 2, Decimal(2_030)),
    ]
    back = close(0, subscription=replace(CONTRACT, pause_at_period_end=True), earlier=[late(2_010, 2_000)])
    assert (amounts(back), back.invoice) == ([], None)
    assert [each.period_id for each in back.rated] == [PERIOD.id]


def test_a_coupon_is_of_the_plan_whose_fee_is_billed() -> None:
    changes = replace(CONTRACT, next_plan_version_id=DEAR.id, next_plan_key="dear", next_interval="month")
    ours = replace(redemption_of('percent = "20"\nduration = "once"'), id=UUID(int=70))
    of_dear = replace(ours, coupon=replace(ours.coupon, plans=("dear",)))
    of_pro = replace(ours, coupon=replace(ours.coupon, plans=("pro",)))
    discount = (LineKind.DISCOUNT, -22_480)
    assert amounts(close(subscription=changes, coupons=[of_dear]))[-1] == discount
    assert discount not in amounts(close(subscription=changes, coupons=[of_pro]))
    # Without a fee it is that of the plan which was used.
    paused = replace(CONTRACT, pause_at_period_end=True)
    assert amounts(close(subscription=paused, coupons=[of_pro]))[-1] == (LineKind.DISCOUNT, -2_500)


def test_add_ons_are_charged_for_the_time_and_carry_corrections_as_usage_does() -> None:
    price = AddonPrice(UUID(int=80), "ZAR", "month", Money(10_000, "ZAR"), "seats", "Seats", "seats", 10)
    plan = replace(PRO, prices=(*PRO.prices, price))
    held = [AddonChange(CONTRACT.id, "seats", 1, 2, START + (END - START) / 2)]
    found = close(plan=plan, addons=held)
    assert amounts(found) == [(LineKind.USAGE, 12_500), (LineKind.ADDON, 10_000), (LineKind.FLAT_FEE, 52_900)]
    assert found.draft.lines[1].tax == Money(1_304, "ZAR")
    pauses = replace(CONTRACT, pause_at_period_end=True)
    carried = close(0, subscription=pauses, plan=plan, addons=held, earlier=[late(2_100, 2_000)])
    assert amounts(carried) == [(LineKind.ADDON, 10_000), (LineKind.USAGE_ADJUSTMENT, -2_500)]
    trial = close(subscription=pauses, period=replace(PERIOD, kind="trial"), plan=plan, addons=held)
    assert amounts(trial) == [(LineKind.USAGE, 0)], "a trial has none to pay"
    # A fee alone carries a correction too.
    assert amounts(close(0, earlier=[late(2_100, 2_000)])) == [
        (LineKind.USAGE_ADJUSTMENT, -2_500),
        (LineKind.FLAT_FEE, 52_900),
    ]


def test_before_the_end_it_is_what_it_would_be() -> None:
    found = close(at=START + timedelta(days=3))
    assert found.closing.closed_at == START + timedelta(days=3)
    assert amounts(found) == [(LineKind.USAGE, 12_500), (LineKind.FLAT_FEE, 52_900)]


def test_a_meter_that_is_not_counted_yet_holds_the_closing_up() -> None:
    over = EndedPeriod(PERIOD, CONTRACT, BUYER, None, None)
    two = replace(PRO, prices=(*PRO.prices, replace(usage_price(), meter="a.meter")))
    state = ClosingState(over, replace(TERMS, plan=two), used(1), ())
    rules = ClosingRules(AT, SUPPLIER, NAMES, frozenset({METER, "a.meter", "priced.by.nobody"}), {})
    with pytest.raises(MeterNotCounted, match=r"^a\.meter, agent\.execution: see `autorisen meters list`$"):
        require_counted(state, rules)
    require_counted(state, replace(rules, uncounted=frozenset({"priced.by.nobody"})))
    require_counted(replace(state, terms=replace(state.terms, currency="USD")), rules)


def test_the_terms_of_a_period_are_those_of_its_kind_and_of_the_time_it_lasted() -> None:
    cut = replace(PERIOD, end_at=START + timedelta(days=7))
    assert terms_of_period(cut, PRO, "ZAR") == RatingTerms(
        period_id=PERIOD.id,
        customer_id=BUYER.id,
        plan=PRO,
        currency="ZAR",
        interval="month",
        start_at=START,
        end_at=cut.end_at,
        share=Fraction(1, 4),
        kind="paid",
    )
    pause = terms_of_period(replace(PERIOD, kind="pause"), PRO, "ZAR")
    assert (pause.kind, pause.share) == ("pause", Fraction(1))
    assert [price.included for price in pause.plan.usage_prices("ZAR")] == [0]


def test_what_is_as_billed_is_not_rated_again() -> None:
    same = late(2_010, 2_010)
    assert not same.is_as_billed, "an event more, though the quantity is the same"
    assert late_usage([same], NAMES, at=AT, new_id=new_ids()) == ()
    [found] = late_usage([same, late(2_010, 2_011)], NAMES, at=AT, new_id=new_ids())
    terms = terms_of_period(JANUARY, PRO, "ZAR")
    now = replace(rating(2_011, terms=terms, events=4, id=102), revision=2)
    assert found == LateUsage(rating(2_010, terms=terms, at=START, id=99), now)
    line = adjustment_line(found, VAT_15)
    assert (line.kind, line.amount, line.quantity) == (LineKind.USAGE_ADJUSTMENT, Money(25, "ZAR"), Decimal(1))
    assert line.description == "Agent executions, recorded after the period was billed"
    within = late(10, 20)
    assert [each.amount.minor for each in late_usage([within], NAMES, at=AT, new_id=new_ids())] == [0], (
        "another quantity at the same amount is another rating"
    )


def test_a_cell_that_had_no_use_was_billed_nothing() -> None:
    cell = Cell((("kind", ("input",)),))
    price = replace(usage_price("25"), cells=(CellPrice(UUID(int=60), cell, PerUnit(Decimal(100))),))
    terms = terms_of_period(JANUARY, a_plan(price), "ZAR")
    then = PeriodUsage({METER: Quantity(Decimal(2), 1)}, {METER: [Used(), Used(Decimal(2), 1)]})
    usage = PeriodUsage({METER: Quantity(Decimal(5), 2)}, {METER: [Used(Decimal(3), 1), Used(Decimal(2), 1)]})
    [rest] = rate_usage(terms, then, NAMES, at=START, new_id=new_ids())
    [found] = late_usage([BilledPeriod(terms, {(METER, Cell()): rest}, usage)], NAMES, at=AT, new_id=new_ids())
    zero = Decimal(0)
    assert (found.now.cell, found.now.revision, found.amount) == (cell, 1, Money(300, "ZAR"))
    assert found.billed == replace(
        found.now, revision=0, quantity=zero, events=0, included=zero, billable=zero, amount=Money(0, "ZAR")
    )


def test_nothing_is_late_of_a_meter_that_was_never_rated() -> None:
    """A price that came with a migrated catalog: what was not billed under it then is not billed now."""
    terms = terms_of_period(JANUARY, PRO, "ZAR")
    assert late_usage([BilledPeriod(terms, {}, used(5_000))], NAMES, at=AT, new_id=new_ids()) == ()
