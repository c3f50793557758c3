"""Lines, their VAT and their sums: worked by hand, and for lines at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.build_invoice import (
    Fee,
    LateUsage,
    billable_now,
    close_lines,
    unused_part,
    upgrade_lines,
)
from autorisen.billing.invoice_reference import invoice_of
from autorisen.billing.model import MOVES, InvoiceStatus, LineKind, TaxTerms, TaxTreatment
from autorisen.billing.rated_usage import RatedUsage
from autorisen.catalog import rate
from autorisen.kit.money import Money
from tests.factories.billing import START, VAT_15, a_draft, a_line
from tests.factories.catalog import usage_price

END = START + timedelta(days=31)
PRO = Fee("Pro", "month", Money(52_900, "ZAR"), UUID(int=9), START, END)
ENTERPRISE = Fee("Enterprise", "month", Money(179_900, "ZAR"), UUID(int=8), START, END)


def rated(quantity: str, *, included: str = "0", unit: str = "25", revision: int = 1) -> RatedUsage:
    price = usage_price(unit, included=included)
    result = rate(price, Decimal(quantity))
    return RatedUsage(
        id=UUID(int=1000 + revision),
        period_id=UUID(int=3),
        customer_id=UUID(int=1),
        plan_version_id=UUID(int=4),
        meter=price.meter,
        meter_name="Agent executions",
        revision=revision,
        quantity=result.quantity,
        events=1,
        price_id=price.id,
        included=result.included,
        billable=result.billable,
        unit_amount=result.unit_amount,
        unit_label=price.unit_label,
        amount=result.amount,
        period_start=START,
        period_end=END,
        rated_at=END,
    )


def test_an_upgrade_in_the_middle_of_september() -> None:
    """The dates of the published example: 1,706,400 of 2,592,000 seconds are left; our halves round up, per line."""
    start, end = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    at = datetime(2026, 9, 11, 6, tzinfo=UTC)
    old = Fee("Small", "month", Money(19_900, "ZAR"), UUID(int=1), start, end)
    new = Fee("Large", "month", Money(99_900, "ZAR"), UUID(int=2), at, datetime(2026, 10, 11, 6, tzinfo=UTC))
    fee, credit = upgrade_lines(new_fee=new, paid_fee=old, at=at, terms=VAT_15)
    assert (fee.amount.minor, fee.tax.minor) == (99_900, 13_030)
    assert (credit.amount.minor, credit.tax.minor, credit.kind) == (-13_101, -1_709, LineKind.PRORATION_CREDIT)
    assert (credit.period_start, credit.period_end) == (at, end)


def test_only_what_was_paid_and_not_used_is_credited() -> None:
    assert len(upgrade_lines(new_fee=ENTERPRISE, paid_fee=None, at=START, terms=VAT_15)) == 1
    assert len(upgrade_lines(new_fee=ENTERPRISE, paid_fee=PRO, at=END, terms=VAT_15)) == 1
    assert unused_part(PRO.amount, start_at=START, end_at=END, at=START - timedelta(days=1)) == PRO.amount
    assert unused_part(PRO.amount, start_at=START, end_at=END, at=END + timedelta(days=1)) == Money(0, "ZAR")


def test_a_close_lists_usage_then_corrections_then_the_next_fee() -> None:
    late = LateUsage(rated("1990", included="2000"), rated("2020", included="2000", revision=2))
    lines = close_lines(usage=[rated("2500", included="2000")], late=[late], fee=PRO, terms=VAT_15)
    assert [(line.kind, line.amount.minor, line.tax.minor) for line in lines] == [
        (LineKind.USAGE, 12_500, 1_630),
        (LineKind.USAGE_ADJUSTMENT, 500, 65),
        (LineKind.FLAT_FEE, 52_900, 6_900),
    ]
    assert (lines[0].included, lines[1].quantity, lines[1].rated_usage_id) == (
        Decimal(2_000),
        Decimal(30),
        late.now.id,
    )


def test_lines_that_say_nothing_are_left_out() -> None:
    nothing = LateUsage(rated("10", included="2000"), rated("20", included="2000", revision=2))
    assert close_lines(usage=[rated("0")], late=[nothing], fee=None, terms=VAT_15) == ()
    free = replace(PRO, amount=Money(0, "ZAR"))
    within = close_lines(usage=[rated("10", included="50")], late=[], fee=free, terms=VAT_15)
    assert [(line.quantity, line.amount.minor) for line in within] == [(Decimal(10), 0)]


def test_credits_wait_when_they_would_take_the_total_below_zero() -> None:
    back = LateUsage(rated("100"), rated("40", revision=2))
    more = LateUsage(rated("10"), replace(rated("11", revision=2), meter="another"))
    assert back.amount.minor == -1_500
    assert billable_now(usage=[rated("20")], late=[back, more], fee=None, currency="ZAR") == (more,)
    assert billable_now(usage=[rated("60")], late=[back, more], fee=None, currency="ZAR") == (back, more)
    assert billable_now(usage=[], late=[back], fee=PRO, currency="ZAR") == (back,)
    # Cells of one meter share an allowance: what one gives back another pays, and both go together.
    beside = LateUsage(rated("10"), rated("11", revision=2))
    assert billable_now(usage=[rated("20")], late=[back, beside, more], fee=None, currency="ZAR") == (more,)


TREATMENTS = [VAT_15, TaxTerms(TaxTreatment.ZERO_RATED, Decimal(0)), TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0))]


@given(amounts=st.lists(st.integers(-(10**10), 10**10), min_size=1, max_size=40), terms=st.sampled_from(TREATMENTS))
def test_sums_always_equal_their_parts(amounts: list[int], terms: TaxTerms) -> None:
    draft = a_draft(*(a_line(amount, terms=terms) for amount in amounts), terms=terms)
    assert draft.total.minor == sum(amounts)
    assert draft.tax.minor == sum(line.tax.minor for line in draft.lines)
    assert draft.subtotal + draft.tax == draft.total
    for line in draft.lines:
        assert line.net + line.tax == line.amount
        assert abs(line.tax.minor) <= abs(line.amount.minor)
        assert a_line(-line.amount.minor, terms=terms).tax == -line.tax


def test_no_state_comes_back_and_a_paid_invoice_stays_paid() -> None:
    for status, following in MOVES.items():
        assert status not in following
        assert InvoiceStatus.DRAFT not in following
    assert MOVES[InvoiceStatus.PAID] == MOVES[InvoiceStatus.VOID] == frozenset()


@pytest.mark.parametrize("reference", ["invoice:1", "invoice:", "wallet:00000000-0000-0000-0000-000000000001", ""])
def test_a_reference_that_is_not_ours_names_no_invoice(reference: str) -> None:
    assert invoice_of(reference) is None
