"""Why a line says what it says, as the machine interface and the evidence files show it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from autorisen import metering
from autorisen.billing.coupons.views import CouponView, coupon_view
from autorisen.billing.credit_notes.read_credit_notes import CreditDocument
from autorisen.billing.explanation.explain_invoice import Explanation
from autorisen.billing.explanation.present_line import price_terms
from autorisen.billing.explanation.store import Prorated
from autorisen.billing.line_views import LineView, PartView, decimal_text, line_view, parts_view
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.wallet.views import CreditsUsedView
from autorisen.kit.ids import public_id


class RatingView(BaseModel):
    """One rating of one meter's usage of one period."""

    revision: int
    quantity: str
    events: int
    included: str
    billable: str
    unit_amount_minor: str
    amount_minor: int
    parts: list[PartView]
    rated_at: datetime


class DayView(BaseModel):
    """The usage of one day in the customer's time zone."""

    start: datetime
    quantity: str
    events: int


class CauseView(BaseModel):
    """Why usage was not what was billed: an event that came late, or one that was voided or amended since."""

    kind: Literal["late", "void", "amend"]
    source: str
    id: str
    time: datetime
    known_at: datetime
    reason: str


class ProratedView(BaseModel):
    """The paid fee of which a credit gives the unused time back: `paid_minor` x `seconds_left` / `seconds`, half up."""

    invoice: str
    number: str
    description: str
    paid_minor: int
    period_start: datetime
    period_end: datetime
    seconds: int
    seconds_left: int


class EventView(BaseModel):
    """One event behind a line. `value` is what its meter measured; `dimensions` are the values it is grouped by."""

    source: str
    id: str
    time: datetime
    value: str
    dimensions: dict[str, str]


class HeldView(BaseModel):
    """So many of an add-on for a half-open stretch of the period."""

    quantity: int
    start_at: datetime
    end_at: datetime


class ExplanationView(BaseModel):
    """One line with its reasons.

    The plan version with its date and the price in words; for usage the rating, the rating before a correction with
    what came between the two, and the days behind; for an add-on how many there were when; for unused time the fee
    that is given back. Events are in the evidence file.
    """

    line: LineView
    plan: str | None
    plan_version: int | None
    plan_effective_from: datetime | None
    price: str | None
    price_terms: list[str]
    rated: RatingView | None
    billed_before: RatingView | None
    causes: list[CauseView]
    prorated: ProratedView | None
    days: list[DayView]
    coupon: CouponView | None
    held: list[HeldView]


class Explanations(BaseModel):
    """Every line of an invoice, explained, and where its prepaid credits came from."""

    invoice: str
    number: str
    lines: list[ExplanationView]
    credits: list[CreditsUsedView]


class CreditExplanationView(BaseModel):
    """What one line of an invoice is taken back by, and why the line had said what it said."""

    amount_minor: int
    tax_minor: int
    of: ExplanationView


class CreditExplanations(BaseModel):
    """Every line of a credit note, explained by the line of the invoice that it takes back."""

    credit_note: str
    number: str
    invoice: str
    reason: str
    lines: list[CreditExplanationView]


def explanation_view(explanation: Explanation) -> ExplanationView:
    line, plan = explanation.line, explanation.plan
    return ExplanationView(
        line=line_view(line),
        plan=None if plan is None else plan.plan_key,
        plan_version=None if plan is None else plan.version,
        plan_effective_from=None if plan is None else plan.effective_from,
        price=None if line.price_id is None else public_id("prc", line.price_id),
        price_terms=list(price_terms(explanation)),
        rated=_rating(explanation.rated),
        billed_before=_rating(explanation.before),
        causes=[
            CauseView(
                kind=each.kind,
                source=each.source,
                id=each.id,
                time=each.occurred_at,
                known_at=each.known_at,
                reason=each.reason,
            )
            for each in explanation.causes
        ],
        prorated=_prorated(explanation.prorated),
        days=[
            DayView(start=day.start, quantity=decimal_text(day.quantity), events=day.events) for day in explanation.days
        ],
        coupon=None if explanation.coupon is None else coupon_view(explanation.coupon, line.amount.currency),
        held=[HeldView(**vars(each)) for each in explanation.held],
    )


def credit_explanations(document: CreditDocument, reasons: list[Explanation]) -> CreditExplanations:
    """`reasons` are those of the invoice's lines."""
    by_id = {each.line.id: each for each in reasons}
    return CreditExplanations(
        credit_note=document.note.public_id,
        number=document.note.number,
        invoice=document.invoice.public_id,
        reason=document.note.reason,
        lines=[
            CreditExplanationView(
                amount_minor=each.amount.minor, tax_minor=each.tax.minor, of=explanation_view(by_id[each.line.id])
            )
            for each in document.note.lines
        ],
    )


def event_view(use: metering.CountedUse) -> EventView:
    value = use.value if isinstance(use.value, str) else decimal_text(use.value)
    return EventView(source=use.source, id=use.id, time=use.occurred_at, value=value, dimensions=dict(use.group))


def _prorated(fee: Prorated | None) -> ProratedView | None:
    if fee is None:
        return None
    return ProratedView(
        invoice=fee.public_id,
        number=fee.number,
        description=fee.description,
        paid_minor=fee.paid.minor,
        period_start=fee.start_at,
        period_end=fee.end_at,
        seconds=fee.seconds,
        seconds_left=fee.seconds_left,
    )


def _rating(rated: RatedUsage | None) -> RatingView | None:
    if rated is None:
        return None
    return RatingView(
        revision=rated.revision,
        quantity=decimal_text(rated.quantity),
        events=rated.events,
        included=decimal_text(rated.included),
        billable=decimal_text(rated.billable),
        unit_amount_minor=decimal_text(rated.unit_amount),
        amount_minor=rated.amount.minor,
        parts=parts_view(rated.parts),
        rated_at=rated.rated_at,
    )
