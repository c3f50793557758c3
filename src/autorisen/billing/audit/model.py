"""What invoices, payments and books have to say to each other. Pure: values in, findings out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import ledger, payments
from autorisen.billing.model import InvoiceStatus, Line, LineKind, Party, TaxTerms, sum_of
from autorisen.billing.tax import discount_tax, tax_terms, vat_contained
from autorisen.kit.findings import Finding, amounts_differ
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money, round_half_up

Lines = Sequence[ledger.Line]


@dataclass(frozen=True)
class WrittenOff:
    """What nobody expected any more, and what of the invoice and of its VAT was not credited when that was said."""

    due: Money
    left: Money
    left_tax: Money

    @property
    def tax(self) -> Money:
        """The VAT of what was due, half up."""
        share = Decimal(self.left_tax.minor) * self.due.minor / self.left.minor
        return Money(round_half_up(share), self.due.currency)


@dataclass(frozen=True)
class AuditedInvoice:
    """An invoice as its row says. `number` is None for a draft."""

    id: UUID
    number: str | None
    customer_id: UUID
    currency: str
    status: InvoiceStatus
    tax_terms: TaxTerms
    supplier: Party
    customer: Party
    subtotal: Money
    tax: Money
    total: Money
    amount_paid: Money
    created_at: datetime
    written_off: WrittenOff | None = None

    @property
    def row(self) -> str:
        return self.number or public_id("inv", self.id)


@dataclass(frozen=True)
class AppliedPayment:
    """A payment as billing keeps it: for an invoice, for credits, or unapplied when it is neither."""

    amount: Money
    customer_id: UUID
    invoice: str | None
    is_top_up: bool


def compare_totals(invoice: AuditedInvoice, lines: Sequence[Line]) -> list[Finding]:
    """The total and the VAT against the lines, and the VAT of each line against its amount."""
    row = invoice.row
    found = amounts_differ(
        "invoice_total", row, sum_of((each.amount for each in lines), invoice.currency), invoice.total
    )
    found += amounts_differ("invoice_tax", row, sum_of((each.tax for each in lines), invoice.currency), invoice.tax)
    found += amounts_differ("invoice_subtotal", row, invoice.total - invoice.tax, invoice.subtotal)
    for number, line in enumerate(lines, start=1):
        due = vat_contained(line.amount, invoice.tax_terms)
        if line.kind is LineKind.DISCOUNT:
            due = discount_tax(lines[: number - 1], line.amount)
        found += amounts_differ("line_tax", f"{row} line {number}", due, line.tax)
    return found


def compare_tax(invoice: AuditedInvoice) -> list[Finding]:
    """The treatment and the rate against the parties and the day."""
    due = tax_terms(
        supplier=invoice.supplier, customer=invoice.customer, currency=invoice.currency, at=invoice.created_at
    )
    if due == invoice.tax_terms:
        return []
    expected, there = (f"{terms.treatment.value} at {terms.rate}" for terms in (due, invoice.tax_terms))
    return [Finding("invoice_tax_terms", invoice.row, expected, there)]


def compare_paid(invoice: AuditedInvoice, paid: Iterable[Money]) -> list[Finding]:
    """What the invoice says is paid against the payments that pay it."""
    return amounts_differ("invoice_paid", invoice.row, sum_of(paid, invoice.currency), invoice.amount_paid)


def compare_fees(invoice: AuditedInvoice, lines: Sequence[Line], prices: Mapping[UUID, Money]) -> list[Finding]:
    """Each flat fee and each add-on against its price in the catalog."""
    found: list[Finding] = []
    for number, line in enumerate(lines, start=1):
        price = None if line.price_id is None else prices.get(line.price_id)
        if line.kind in (LineKind.FLAT_FEE, LineKind.ADDON) and price is not None:
            due = Money(round_half_up(Decimal(price.minor) * line.quantity), price.currency)
            found += amounts_differ("fee_amount", f"{invoice.row} line {number}", due, line.amount)
    return found


def compare_postings(row: str, expected: Mapping[str, Lines], posted: Mapping[str, Lines]) -> list[Finding]:
    """What had to be posted about one thing against what was, by the rest of the reference."""
    found = []
    for name in sorted(expected.keys() | posted.keys()):
        due, there = expected.get(name), posted.get(name)
        if due is None:
            found.append(Finding("posting_surplus", f"{row} {name}", "nothing", lines_text(there or ()), _size(there)))
        elif there is None:
            found.append(Finding("posting_missing", f"{row} {name}", lines_text(due), "nothing", _size(due)))
        elif cents := _difference(due, there):
            found.append(Finding("posting_amount", f"{row} {name}", lines_text(due), lines_text(there), cents))
    return found


def lines_text(lines: Lines) -> str:
    """Entries in words, the ones that move nothing left out."""
    return "; ".join(f"{line.account} {line.amount}" for line in lines if line.amount)


def by_account(lines: Lines) -> dict[tuple[str, str], int]:
    """What the lines come to, by account and currency."""
    sums: dict[tuple[str, str], int] = {}
    for line in lines:
        place = (line.account, line.amount.currency)
        sums[place] = sums.get(place, 0) + line.amount.minor
    return {place: minor for place, minor in sums.items() if minor}


def _booked(parts: Iterable[Lines], currency: str, *accounts: str) -> Money:
    """What all the lines of these parts come to on these accounts."""
    sums = by_account([line for part in parts for line in part])
    return Money(sum(sums.get((account, currency), 0) for account in accounts), currency)


def _difference(due: Lines, there: Lines) -> int:
    one, other = by_account(due), by_account(there)
    return max((abs(one.get(place, 0) - other.get(place, 0)) for place in one.keys() | other.keys()), default=0)


def _size(lines: Lines | None) -> int:
    return max((abs(line.amount.minor) for line in lines or ()), default=0)


def payment_postings(moved: payments.MoneyMoved, applied: AppliedPayment) -> dict[str, Lines]:
    """What has to be posted about money that came: where it went."""
    rules, who = ledger.postings, applied.customer_id
    id, gateway, amount, number = moved.id, moved.gateway, moved.amount, applied.invoice
    due: dict[str, Lines] = {}
    if number is None and not applied.is_top_up:
        kept = rules.payment_unapplied(payment_id=id, customer_id=who, gateway=gateway, amount=amount, reason="")
        due["unapplied"] = kept.lines
    elif number is not None:
        paid = rules.payment_settled(payment_id=id, customer_id=who, gateway=gateway, amount=amount, number=number)
        due["settled"] = paid.lines
    return due


def compare_disputes(moved: payments.MoneyMoved, posted: Sequence[tuple[str, Lines]]) -> list[Finding]:
    """Each dispute and its end is booked once; what stands apart is what a bank still asks back, and else nothing.

    `posted` is all that was posted about the payment, each by its kind.
    """
    row, currency = public_id("pay", moved.id), moved.amount.currency
    times = Counter(kind for kind, _ in posted)
    found = [
        Finding("dispute_posting", row, f"{kind}: {due}", f"{kind}: {times[kind]}", moved.amount.minor, currency)
        for kind, due in (("disputed", moved.disputes), ("dispute_won", moved.disputes_won))
        if times[kind] != due
    ]
    apart = _booked((lines for _, lines in posted), currency, ledger.chart.disputed(moved.gateway))
    is_open = moved.status is payments.PaymentStatus.DISPUTED
    asked = moved.amount - moved.refunded if is_open else Money.zero(currency)
    return found + amounts_differ("dispute_balance", row, asked, apart)


def compare_refunds(moved: payments.MoneyMoved, parts: Sequence[Lines]) -> list[Finding]:
    """What left the gateway's accounts as refunds, in however many parts, against what it says went back."""
    held = (ledger.chart.clearing(moved.gateway), ledger.chart.disputed(moved.gateway))
    booked = -_booked(parts, moved.amount.currency, *held)
    return amounts_differ("refund_posting", public_id("pay", moved.id), moved.refunded, booked)


def compare_kept(moved: payments.MoneyMoved, parts: Sequence[Lines]) -> list[Finding]:
    """What was booked as the gateway's fee, in however many parts, against what it says that it keeps."""
    booked = _booked(parts, moved.kept.currency, ledger.chart.GATEWAY_FEES)
    return amounts_differ("fee_posting", public_id("pay", moved.id), moved.kept, booked)


def compare_applied(moved: payments.MoneyMoved, applied: Sequence[AppliedPayment]) -> list[Finding]:
    """Money that came is applied exactly once, whole, for the customer who paid."""
    row = public_id("pay", moved.id)
    if len(applied) != 1:
        kind = "payment_lost" if not applied else "payment_applied_twice"
        cents = moved.amount.minor
        return [Finding(kind, row, "applied once", f"applied {len(applied)} times", cents, moved.amount.currency)]
    found = amounts_differ("payment_amount", row, moved.amount, applied[0].amount)
    if applied[0].customer_id != moved.customer_id:
        owner, there = (public_id("cus", each) for each in (moved.customer_id, applied[0].customer_id))
        found.append(Finding("payment_customer", row, owner, there, moved.amount.minor, moved.amount.currency))
    return found


class NumberWalk:
    """Along a series of document numbers in their order: from 1 to the last one given, each once."""

    def __init__(self, series: str) -> None:
        self._series = series
        self._due = 1

    def take(self, number: int) -> list[Finding]:
        """The next number that a document has."""
        if number < self._due:
            return [Finding("number_doubled", self._named(number), "one document", "more")]
        missing = number - self._due
        first, self._due = self._due, number + 1
        if not missing:
            return []
        gap = self._named(first) + (f" to {self._named(number - 1)}" if missing > 1 else "")
        return [Finding("number_gap", gap, "a document", "none")]

    def end(self, last: int | None) -> list[Finding]:
        """The series' own counter against the last number that a document has."""
        if last == self._due - 1:
            return []
        return [
            Finding("number_counter", self._series, str(self._due - 1), "no counter" if last is None else str(last))
        ]

    def _named(self, number: int) -> str:
        return f"{self._series}-{number:05d}"


def compare_balances(
    kind: str, row: str, expected: Iterable[Money], found: Iterable[Money]
) -> list[Finding]:  # fmt: skip
    """An account's balance by currency; one that is not named is zero."""
    due = {each.currency: each for each in expected}
    there = {each.currency: each for each in found}
    wrong: list[Finding] = []
    for currency in sorted(due.keys() | there.keys()):
        zero = Money.zero(currency)
        wrong += amounts_differ(kind, row, due.get(currency, zero), there.get(currency, zero))
    return wrong
