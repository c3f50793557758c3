"""From rated usage and fees to the lines of an invoice. Pure: nothing here reads or writes.

Rounding happens once per line, half up; totals are sums of lines and are never rounded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen.billing.model import Line, LineKind, TaxTerms, sum_of
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.tax import vat_contained
from autorisen.kit.money import Money, round_half_up

INTERVAL_WORDS = {"month": "billed monthly", "year": "billed yearly"}


@dataclass(frozen=True)
class Fee:
    """A plan's flat fee for one period."""

    plan_name: str
    interval: str
    amount: Money
    price_id: UUID
    start_at: datetime
    end_at: datetime
    plan_key: str = ""


@dataclass(frozen=True)
class LateUsage:
    """A closed period whose usage is not what was billed: what was rated then, and what it rates to now."""

    billed: RatedUsage
    now: RatedUsage

    @property
    def amount(self) -> Money:
        """What is owed beyond what was billed; negative when usage was taken back."""
        return self.now.amount - self.billed.amount


def fee_line(fee: Fee, terms: TaxTerms) -> Line:
    """The flat fee, in advance."""
    return Line(
        kind=LineKind.FLAT_FEE,
        description=f"{fee.plan_name} plan, {INTERVAL_WORDS[fee.interval]}",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(fee.amount.minor),
        unit_label=fee.interval,
        amount=fee.amount,
        tax=vat_contained(fee.amount, terms),
        period_start=fee.start_at,
        period_end=fee.end_at,
        price_id=fee.price_id,
    )


def usage_line(rated: RatedUsage, terms: TaxTerms) -> Line:
    """One meter's usage of a closed period, in arrears."""
    return Line(
        kind=LineKind.USAGE,
        description=rated.name,
        quantity=rated.quantity,
        included=rated.included,
        unit_amount=rated.unit_amount,
        unit_label=rated.unit_label,
        amount=rated.amount,
        tax=vat_contained(rated.amount, terms),
        period_start=rated.period_start,
        period_end=rated.period_end,
        price_id=rated.price_id,
        meter=rated.meter,
        rated_usage_id=rated.id,
        parts=rated.parts,
        cell=rated.cell,
    )


def adjustment_line(late: LateUsage, terms: TaxTerms) -> Line:
    """Usage that came to light after its period was billed; points to the new rating, which points to the old one."""
    return Line(
        kind=LineKind.USAGE_ADJUSTMENT,
        description=f"{late.now.name}, recorded after the period was billed",
        quantity=late.now.quantity - late.billed.quantity,
        included=Decimal(0),
        unit_amount=late.now.unit_amount,
        unit_label=late.now.unit_label,
        amount=late.amount,
        tax=vat_contained(late.amount, terms),
        period_start=late.now.period_start,
        period_end=late.now.period_end,
        price_id=late.now.price_id,
        meter=late.now.meter,
        rated_usage_id=late.now.id,
        cell=late.now.cell,
    )


def unused_part(paid: Money, *, start_at: datetime, end_at: datetime, at: datetime) -> Money:
    """The part of a paid fee that falls after `at`, by seconds, half up; never more than was paid, never below zero."""
    whole = int((end_at - start_at).total_seconds())
    left = min(max(int((end_at - at).total_seconds()), 0), whole)
    return Money(round_half_up(Decimal(paid.minor) * left / whole), paid.currency)


def credit_line(fee: Fee, at: datetime, terms: TaxTerms) -> Line:
    """The credit for the unused part of a fee that was paid."""
    credit = -unused_part(fee.amount, start_at=fee.start_at, end_at=fee.end_at, at=at)
    return Line(
        kind=LineKind.PRORATION_CREDIT,
        description=f"Unused time of the {fee.plan_name} plan",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(credit.minor),
        unit_label="credit",
        amount=credit,
        tax=vat_contained(credit, terms),
        period_start=at,
        period_end=fee.end_at,
        price_id=fee.price_id,
    )


def upgrade_lines(*, new_fee: Fee, paid_fee: Fee | None, at: datetime, terms: TaxTerms) -> tuple[Line, ...]:
    """The new plan's whole fee, less the unused part of the old fee when that was paid."""
    lines = [fee_line(new_fee, terms)]
    if paid_fee is not None and unused_part(paid_fee.amount, start_at=paid_fee.start_at, end_at=paid_fee.end_at, at=at):
        lines.append(credit_line(paid_fee, at, terms))
    return tuple(lines)


def close_lines(
    *,
    usage: Sequence[RatedUsage],
    late: Sequence[LateUsage],
    fee: Fee | None,
    terms: TaxTerms,
    addons: Sequence[Line] = (),
) -> tuple[Line, ...]:
    """The lines of a period's end: its usage and add-ons, corrections of earlier periods, the next period's fee.

    Usage inside the allowance stays on the invoice at zero, so that the reader sees what the plan covered.
    """
    lines = [usage_line(rated, terms) for rated in usage if rated.quantity or rated.amount]
    lines += addons
    lines += [adjustment_line(each, terms) for each in late if each.amount]
    if fee is not None and fee.amount:
        lines.append(fee_line(fee, terms))
    return tuple(lines)


def billable_now(
    *,
    usage: Sequence[RatedUsage],
    late: Sequence[LateUsage],
    fee: Fee | None,
    currency: str,
    addons: Sequence[Line] = (),
) -> tuple[LateUsage, ...]:
    """The corrections that this invoice can carry: credits wait when they would take its total below zero.

    The cells of one meter and period go together: they share an allowance, so each was rated with the others in mind.
    """
    charges = sum_of([rated.amount for rated in usage], currency) + sum_of([line.amount for line in addons], currency)
    if fee is not None:
        charges = charges + fee.amount
    if not charges + sum_of([each.amount for each in late], currency) < Money(0, currency):
        return tuple(late)
    sums: dict[tuple[UUID, str], Money] = {}
    for each in late:
        key = (each.now.period_id, each.now.meter)
        sums[key] = sums.get(key, Money(0, currency)) + each.amount
    return tuple(each for each in late if not sums[each.now.period_id, each.now.meter] < Money(0, currency))
