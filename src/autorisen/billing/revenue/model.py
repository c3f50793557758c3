"""Monthly recurring revenue (MRR): what a fee is worth a month, and what a change of it is. Pure.

THE rule, stated once: MRR is what the running period's fee comes to a month, as it was invoiced: with the add-ons on
the same invoice, less what coupons took off of both, without VAT, and of a yearly fee a twelfth, rounded half up to a
cent. Usage is not in it. It begins when the fee is invoiced and ends when the period is closed without another one: so
trials and pauses are not in it, a period that runs out counts to its end, and a void invoice counts until it is void.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from autorisen.billing.coupons.discount_lines import fee_discount
from autorisen.catalog import Interval, months_of
from autorisen.kit.money import Money, round_half_up, tax_fraction


class Kind(StrEnum):
    """Why MRR is another than before, in the order in which a report lists it."""

    NEW = "new"  # of a customer who had none before
    EXPANSION = "expansion"
    REACTIVATION = "reactivation"  # of one who had, and lost it
    CONTRACTION = "contraction"
    CHURN = "churn"  # all of a customer's is gone


@dataclass(frozen=True)
class Fee:
    """The fee that a customer's newest invoice with one charges, with its add-ons; amounts contain VAT.

    `charges_minor` is all that invoice charges: what a coupon on everything is about. It is 0 where there is none, so
    that a month with more usage than the last is no other fee.
    """

    currency: str
    interval: Interval
    fee_minor: int
    charges_minor: int
    off_fees_minor: int
    off_all_minor: int
    tax_rate: Decimal


@dataclass(frozen=True)
class Step:
    """What a customer's fee was just before an instant, and from it on."""

    customer_id: UUID
    at: datetime
    before: Fee | None
    after: Fee | None
    had_before: bool


@dataclass(frozen=True)
class Change:
    """A customer's MRR in one currency is another from an instant on. Never both zero, never twice the same."""

    customer_id: UUID
    at: datetime
    currency: str
    kind: Kind
    before_minor: int
    after_minor: int

    @property
    def delta(self) -> Money:
        return Money(self.after_minor - self.before_minor, self.currency)


@dataclass(frozen=True)
class Moves:
    """Changes of one kind in one month, summed up: of the customers whose first payment was in the month `cohort`."""

    month: date
    currency: str
    kind: Kind
    cohort: date | None
    delta_minor: int
    count: int


def monthly(fee: Fee) -> Money:
    """What a fee is worth a month, without VAT. Never negative."""
    off = fee_discount(
        fee.fee_minor, fee.fee_minor, fee.charges_minor, on_fees=fee.off_fees_minor, on_all=fee.off_all_minor
    )
    gross = fee.fee_minor - off
    net = gross - tax_fraction(gross, fee.tax_rate)
    return Money(round_half_up(Decimal(net) / months_of(fee.interval)), fee.currency)


def kind_of(before: int, after: int, *, had_before: bool) -> Kind | None:
    """What a change from so many cents to so many is; None when it is none."""
    if before == after:
        return None
    if before and after:
        return Kind.EXPANSION if after > before else Kind.CONTRACTION
    if before:
        return Kind.CHURN
    return Kind.REACTIVATION if had_before else Kind.NEW


def changes_of(step: Step) -> list[Change]:
    """The changes that a step is: none, one, or two where the currency became another."""
    worth = [None if fee is None else monthly(fee) for fee in (step.before, step.after)]
    currencies = dict.fromkeys(each.currency for each in worth if each is not None)
    found = []
    for currency in currencies:
        before, after = (each.minor if each is not None and each.currency == currency else 0 for each in worth)
        kind = kind_of(before, after, had_before=step.had_before)
        if kind is not None:
            found.append(Change(step.customer_id, step.at, currency, kind, before, after))
    return found


def month_after(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_between(first: date, last: date) -> int:
    """How many months the one is after the other, both first days."""
    return (last.year - first.year) * 12 + last.month - first.month


def month_range(first: date, last: date) -> list[date]:
    """Every month from the first to the last, both too; none when the last is before the first."""
    found = []
    while first <= last:
        found.append(first)
        first = month_after(first)
    return found


def per_mille(part: int, whole: int) -> int | None:
    """A share in thousandths, half up, by whole numbers; None of nothing."""
    return (2000 * part + whole) // (2 * whole) if whole > 0 else None


def moves_of(changes: Sequence[tuple[Change, date, date | None]]) -> list[Moves]:
    """Changes, each with its month and its customer's cohort, summed up."""
    sums: dict[tuple[date, str, Kind, date | None], tuple[int, int]] = {}
    for change, month, cohort in changes:
        key = (month, change.currency, change.kind, cohort)
        delta, count = sums.get(key, (0, 0))
        sums[key] = (delta + change.delta.minor, count + 1)
    return [Moves(*key, delta, count) for key, (delta, count) in sums.items()]
