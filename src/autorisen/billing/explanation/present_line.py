"""Why a line says what it says, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autorisen import catalog, subscriptions
from autorisen.billing.credit_notes.model import CreditNote
from autorisen.billing.document.present import date_text, instant_text, period_text, quantity_text
from autorisen.billing.explanation.explain_invoice import Explanation
from autorisen.billing.explanation.store import Prorated
from autorisen.billing.model import Invoice, Line
from autorisen.billing.rated_usage import RatedUsage
from autorisen.kit.money import Money
from autorisen.ui.formats import number, unit_price

CAUSE_WORDS = {"late": "came late", "void": "was voided", "amend": "was amended"}


@dataclass(frozen=True)
class Step:
    """One step of how a line came about: what, its words, and its amount where it has one."""

    name: str
    words: tuple[str, ...]
    amount: Money | None = None


def price_terms(explanation: Explanation) -> tuple[str, ...]:
    """The price of a line in words, one per term; of a price by dimension only the cell's own."""
    price, rated = explanation.price, explanation.rated
    match price:
        case None:
            return ()
        case catalog.FlatPrice():
            return (f"{price.amount.format()} per {price.interval}",)
        case catalog.AddonPrice():
            return (f"{price.amount.format()} per {price.unit_label} and {price.interval}",)
        case _ if rated is not None and price.cells:
            cells = [each.cell for each in price.cells] + [catalog.Cell()]
            row = catalog.cell_rows(price)[cells.index(rated.cell or catalog.Cell())]
            return (f"{', '.join(row.values)}: {row.words}",)
        case _:
            return catalog.price_words(price) or ("nothing is charged beyond what is included",)


def line_steps(invoice: Invoice, explanation: Explanation) -> tuple[Step, ...]:
    """How a line comes to its amount, from the price to the VAT."""
    line, plan = explanation.line, explanation.plan
    steps = []
    if plan is not None:
        since = date_text(plan.effective_from, invoice.time_zone)
        steps.append(Step("Plan", (f"{plan.name}, version {plan.version} of {since}",)))
    if terms := price_terms(explanation):
        steps.append(Step("Price", terms))
    steps.append(Step("Time", (period_text(line, invoice.time_zone),)))
    if (coupon := explanation.coupon) is not None:
        redeemed = f"{coupon.code}, redeemed on {date_text(coupon.redeemed_at, invoice.time_zone)}"
        steps.append(Step("Coupon", (coupon.coupon.name, redeemed)))
    if explanation.prorated is not None:
        steps += _prorated_steps(explanation.prorated, invoice.time_zone)
    if explanation.held:
        steps.append(Step("Held", tuple(_held_words(each, invoice.time_zone) for each in explanation.held)))
        steps.append(Step("On average", (f"{quantity_text(line.quantity)} of the period, by the second",)))
    rated, before = explanation.rated, explanation.before
    if rated is not None:
        is_correction = bool(explanation.causes) or before is not None
        steps += _rating_steps("Counted again" if is_correction else "Counted", rated, line, invoice.time_zone)
        if before is not None:
            steps += _rating_steps("Billed before", before, line, invoice.time_zone)
    steps.append(Step("Amount", ("VAT included",), line.amount))
    steps.append(Step("VAT", ("contained in the amount",), line.tax))
    return tuple(steps)


def _prorated_steps(fee: Prorated, time_zone: str) -> list[Step]:
    until = date_text(fee.end_at, time_zone)
    share = f"{number(fee.seconds_left)} of {number(fee.seconds)} seconds"
    return [
        Step("Fee paid", (f"{fee.description}, on {fee.number}",), fee.paid),
        Step("Not used", (f"{share}, until {until}",), fee.amount),
    ]


def _held_words(held: subscriptions.HeldAddon, time_zone: str) -> str:
    start, end = instant_text(held.start_at, time_zone), instant_text(held.end_at, time_zone)
    return f"{number(held.quantity)} from {start} to {end}"


def _rating_steps(name: str, rated: RatedUsage, line: Line, time_zone: str) -> list[Step]:
    """A quantity, and how it was priced."""
    events = f"{number(rated.events)} {'event' if rated.events == 1 else 'events'}"
    words = [f"{quantity_text(rated.quantity)} from {events}, on {date_text(rated.rated_at, time_zone)}"]
    if rated.included:
        words.append(f"{quantity_text(rated.included)} of them included")
    if rated.parts:
        words += [f"{catalog.part_words(part, rated.unit_label)}: {part.amount.format()}" for part in rated.parts]
    elif rated.billable:
        price = unit_price(rated.unit_amount, line.amount.currency, rated.unit_label)
        words.append(f"{quantity_text(rated.billable)} at {price}")
    return [Step(name, tuple(words), rated.amount)]


def taken_back(line: Line, notes: Sequence[CreditNote]) -> tuple[tuple[CreditNote, Money], ...]:
    """The credit notes that take a line back, with how much of it; `notes` have their lines."""
    return tuple((note, each.amount) for note in notes for each in note.lines if each.line.id == line.id)
