"""Every field of a rating and of each kind of line, and the sums around them at their bounds. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from autorisen.billing.build_invoice import (
    Fee,
    LateUsage,
    adjustment_line,
    billable_now,
    credit_line,
    fee_line,
    usage_line,
)
from autorisen.billing.coupons import with_discounts
from autorisen.billing.model import InvoiceStatus, Line, LineKind, TaxTerms, TaxTreatment, fee_line_id
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating.rate_usage import PeriodUsage, RatingTerms, rate_usage
from autorisen.billing.tax import discount_tax, document_title, tax_in_due, tax_statement
from autorisen.catalog import Cell, Part, PartKind, Tier, Volume
from autorisen.kit.money import Money
from autorisen.metering import Quantity
from tests.factories.billing import START, VAT_15, a_draft, a_line, an_invoice
from tests.factories.catalog import usage_price
from tests.factories.contracts import a_plan
from tests.factories.coupons import redemption_of

END = START + timedelta(days=30)
HALF = START + timedelta(days=15)
FEE = Fee("Pro", "month", Money(52_900, "ZAR"), UUID(int=9), START, END, "pro")
CELL = Cell((("kind", ("input",)),))
PARTS = (Part(PartKind.UNITS, Decimal(500), Decimal(25), Money(12_500, "ZAR")),)
RATED = RatedUsage(
    id=UUID(int=10),
    period_id=UUID(int=3),
    customer_id=UUID(int=1),
    plan_version_id=UUID(int=4),
    meter="agent.execution",
    meter_name="Agent executions",
    revision=1,
    quantity=Decimal(2_500),
    events=3,
    price_id=UUID(int=11),
    included=Decimal(2_000),
    billable=Decimal(500),
    unit_amount=Decimal(25),
    unit_label="executions",
    amount=Money(12_500, "ZAR"),
    period_start=START,
    period_end=END,
    rated_at=END,
    parts=PARTS,
    cell=CELL,
)


def test_a_fee() -> None:
    assert fee_line(FEE, VAT_15) == Line(
        kind=LineKind.FLAT_FEE,
        description="Pro plan, billed monthly",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(52_900),
        unit_label="month",
        amount=Money(52_900, "ZAR"),
        tax=Money(6_900, "ZAR"),
        period_start=START,
        period_end=END,
        price_id=UUID(int=9),
    )
    assert fee_line(replace(FEE, interval="year"), VAT_15).description == "Pro plan, billed yearly"


def test_usage() -> None:
    assert usage_line(RATED, VAT_15) == Line(
        kind=LineKind.USAGE,
        description="Agent executions: kind input",
        quantity=Decimal(2_500),
        included=Decimal(2_000),
        unit_amount=Decimal(25),
        unit_label="executions",
        amount=Money(12_500, "ZAR"),
        tax=Money(1_630, "ZAR"),
        period_start=START,
        period_end=END,
        price_id=UUID(int=11),
        meter="agent.execution",
        rated_usage_id=UUID(int=10),
        parts=PARTS,
        cell=CELL,
    )


def test_a_correction() -> None:
    now = replace(RATED, id=UUID(int=12), revision=2, quantity=Decimal(2_400), amount=Money(10_000, "ZAR"))
    assert adjustment_line(LateUsage(RATED, now), VAT_15) == Line(
        kind=LineKind.USAGE_ADJUSTMENT,
        description="Agent executions: kind input, recorded after the period was billed",
        quantity=Decimal(-100),
        included=Decimal(0),
        unit_amount=Decimal(25),
        unit_label="executions",
        amount=Money(-2_500, "ZAR"),
        tax=Money(-326, "ZAR"),
        period_start=START,
        period_end=END,
        price_id=UUID(int=11),
        meter="agent.execution",
        rated_usage_id=UUID(int=12),
        cell=CELL,
    )


def test_a_credit() -> None:
    assert credit_line(FEE, HALF, VAT_15) == Line(
        kind=LineKind.PRORATION_CREDIT,
        description="Unused time of the Pro plan",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(-26_450),
        unit_label="credit",
        amount=Money(-26_450, "ZAR"),
        tax=Money(-3_450, "ZAR"),
        period_start=HALF,
        period_end=END,
        price_id=UUID(int=9),
    )


def test_a_discount_is_over_the_time_of_what_it_is_about() -> None:
    early = replace(a_line(10_000, LineKind.USAGE), period_start=START - timedelta(days=31), period_end=START)
    held = redemption_of('percent = "20"\nduration = "once"')
    after = with_discounts(a_draft(early, a_line(20_000)), [held], "pro")
    assert after.lines[-1] == Line(
        kind=LineKind.DISCOUNT,
        description="Launch offer (LAUNCH): 20 % off, once",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(-6_000),
        unit_label="coupon",
        amount=Money(-6_000, "ZAR"),
        tax=Money(-783, "ZAR"),
        period_start=early.period_start,
        period_end=a_line(1).period_end,
        redemption_id=held.id,
    )


def test_a_discount_of_all_of_one_cent_is_that_cent() -> None:
    whole = redemption_of('percent = "100"\nduration = "once"')
    assert [line.amount.minor for line in with_discounts(a_draft(a_line(1)), [whole], "pro").lines] == [1, -1]
    assert len(with_discounts(a_draft(a_line(0)), [whole], "pro").lines) == 1


def test_a_rating_says_whose_it_is_and_why() -> None:
    price = replace(usage_price("25", included="2000"), minimum=Money(13_000, "ZAR"))
    terms = RatingTerms(UUID(int=3), UUID(int=1), a_plan(price), "ZAR", "month", START, END)
    usage = PeriodUsage({price.meter: Quantity(Decimal(2_500), 3)})
    [found] = rate_usage(terms, usage, {}, at=HALF, new_id=lambda: UUID(int=10))
    assert found == RatedUsage(
        id=UUID(int=10),
        period_id=UUID(int=3),
        customer_id=UUID(int=1),
        plan_version_id=UUID(int=4),
        meter="agent.execution",
        meter_name="agent.execution",  # a meter without a name has its key
        revision=1,
        quantity=Decimal(2_500),
        events=3,
        price_id=price.id,
        included=Decimal(2_000),
        billable=Decimal(500),
        unit_amount=Decimal(25),
        unit_label="executions",
        amount=Money(13_000, "ZAR"),
        period_start=START,
        period_end=END,
        rated_at=HALF,
        parts=(
            Part(PartKind.UNITS, Decimal(500), Decimal(25), Money(12_500, "ZAR")),
            Part(PartKind.MINIMUM, Decimal(1), Decimal(13_000), Money(500, "ZAR")),
        ),
    )
    [none] = rate_usage(terms, PeriodUsage({}), {}, at=HALF, new_id=lambda: UUID(int=10))
    assert (none.quantity, none.events, none.amount) == (Decimal(0), 0, Money(13_000, "ZAR"))
    with pytest.raises(ValueError, match="zip"):
        rate_usage(terms, PeriodUsage({}, {price.meter: []}), {}, at=HALF, new_id=lambda: UUID(int=10))


def test_a_tier_without_a_price_of_its_own_has_parts() -> None:
    price = replace(usage_price(), model=Volume((Tier(None, Decimal(7), Decimal(100)),)))
    terms = RatingTerms(UUID(int=3), UUID(int=1), a_plan(price), "ZAR", "month", START, END)
    usage = PeriodUsage({price.meter: Quantity(Decimal(2), 1)})
    [found] = rate_usage(terms, usage, {}, at=END, new_id=lambda: UUID(int=10))
    assert [(part.kind, part.amount.minor) for part in found.parts] == [(PartKind.UNITS, 14), (PartKind.TIER_FEE, 100)]


def test_a_correction_that_leaves_exactly_nothing_is_carried() -> None:
    back = LateUsage(RATED, replace(RATED, revision=2, amount=Money(0, "ZAR")))
    exact = [replace(RATED, amount=Money(12_500, "ZAR"))]
    assert billable_now(usage=exact, late=[back], fee=None, currency="ZAR") == (back,)
    short = [replace(RATED, amount=Money(12_499, "ZAR"))]
    assert billable_now(usage=short, late=[back], fee=None, currency="ZAR") == ()
    even = LateUsage(replace(RATED, meter="b"), replace(RATED, meter="b", revision=2))
    assert billable_now(usage=short, late=[back, even], fee=None, currency="ZAR") == (even,)


@pytest.mark.parametrize(
    "changes, tax",
    [
        ({}, 6_900),
        ({"amount_paid": 26_450}, 3_450),
        ({"amount_paid": 52_899}, 0),
        ({"amount_paid": 52_896}, 1),
        ({"credited": 12_900, "credited_due": 12_900, "credited_tax": 1_683}, 5_217),
        ({"credited": 12_900, "credited_due": 12_900, "credited_tax": 1_683, "amount_paid": 20_000}, 2_609),
    ],
)
def test_the_vat_of_what_is_due(changes: dict[str, int], tax: int) -> None:
    values: dict[str, Any] = {name: Money(minor, "ZAR") for name, minor in changes.items()}
    assert tax_in_due(replace(an_invoice(a_draft(a_line(52_900))), **values)) == Money(tax, "ZAR")


@pytest.mark.parametrize(
    "amounts, off, tax",
    [([1_000], -1, 0), ([1_000], -4, -1), ([115], -115, -15), ([115, -115], -5, 0), ([3], -2, 0), ([10], -5, -1)],
)
def test_a_discount_takes_vat_off_in_proportion(amounts: list[int], off: int, tax: int) -> None:
    assert discount_tax([a_line(minor) for minor in amounts], Money(off, "ZAR")) == Money(tax, "ZAR")


def test_an_invoice_knows_its_fee_and_its_ways() -> None:
    line = replace(a_line(52_900), id=UUID(int=5))
    invoice = an_invoice(a_draft(a_line(1, LineKind.USAGE), line))
    assert fee_line_id(invoice) == UUID(int=5)
    for without in (a_draft(a_line(1)), a_draft(replace(line, kind=LineKind.USAGE))):
        with pytest.raises(ValueError, match=r"^the invoice has no stored flat fee$"):
            fee_line_id(an_invoice(without))
    assert invoice.may_become(InvoiceStatus.PAID)
    assert not invoice.may_become(InvoiceStatus.DRAFT)


def test_what_the_document_says_of_vat() -> None:
    none, zero = TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0)), TaxTerms(TaxTreatment.ZERO_RATED, Decimal(0))
    invoice = an_invoice(a_draft(a_line(52_900)))
    assert [document_title(replace(invoice, tax_terms=terms)) for terms in (VAT_15, zero, none)] == [
        "Tax invoice",
        "Tax invoice",
        "Invoice",
    ]
    assert [tax_statement(terms) for terms in (VAT_15, zero, none)] == [
        "Prices include VAT at 15 %.",
        "Export of services, zero-rated under section 11(2) of the VAT Act: VAT at 0 %.",
        "The supplier is not registered for VAT; no VAT is charged.",
    ]
