"""What an invoice is: its parts, its states and the sums that must hold. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from autorisen.billing.invoice_reference import invoice_reference
from autorisen.catalog import Cell, Part
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money

Interval = Literal["month", "year"]


class InvoiceStatus(StrEnum):
    """Where an invoice stands; see MOVES for the ways between."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


# The trigger billing.keep_invoice() in the migration holds the same table; a test compares both.
MOVES: Mapping[InvoiceStatus, frozenset[InvoiceStatus]] = {
    InvoiceStatus.DRAFT: frozenset({InvoiceStatus.OPEN, InvoiceStatus.VOID}),
    InvoiceStatus.OPEN: frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}),
    # A customer who pays at last is welcome, whatever was written off before.
    InvoiceStatus.UNCOLLECTIBLE: frozenset({InvoiceStatus.PAID}),
    InvoiceStatus.PAID: frozenset(),
    InvoiceStatus.VOID: frozenset(),
}


class Purpose(StrEnum):
    """Why the invoice exists."""

    START = "start"
    PERIOD_CLOSE = "period_close"
    UPGRADE = "upgrade"


class LineKind(StrEnum):
    """What one line charges for."""

    FLAT_FEE = "flat_fee"
    USAGE = "usage"
    PRORATION_CREDIT = "proration_credit"
    USAGE_ADJUSTMENT = "usage_adjustment"
    DISCOUNT = "discount"
    ADDON = "addon"


class TaxTreatment(StrEnum):
    """How VAT applies to a whole invoice."""

    STANDARD = "standard"
    ZERO_RATED = "zero_rated"
    NOT_REGISTERED = "not_registered"


@dataclass(frozen=True)
class TaxTerms:
    """The treatment and its rate; 0.15 means fifteen per cent, contained in the price."""

    treatment: TaxTreatment
    rate: Decimal


@dataclass(frozen=True)
class Party:
    """Supplier or customer as they were when the invoice was made."""

    name: str
    address: str
    vat_number: str
    email: str
    country: str


@dataclass(frozen=True)
class Line:
    """One charge or credit. `amount` contains `tax`; `unit_amount` is minor units per unit.

    Usage whose units have no one price has `parts` that sum to the amount: tiers, packages, shares, minimum, cap.
    """

    kind: LineKind
    description: str
    quantity: Decimal
    included: Decimal
    unit_amount: Decimal
    unit_label: str
    amount: Money
    tax: Money
    period_start: datetime
    period_end: datetime
    price_id: UUID | None = None
    meter: str | None = None
    rated_usage_id: UUID | None = None
    id: UUID | None = None
    parts: tuple[Part, ...] = ()
    cell: Cell | None = None
    redemption_id: UUID | None = None

    @property
    def public_id(self) -> str:
        """Raises ValueError for a line that is not stored."""
        if self.id is None:
            raise ValueError("a line that is not stored has no id")
        return public_id("iln", self.id)

    @property
    def net(self) -> Money:
        """The amount without VAT."""
        return self.amount - self.tax


@dataclass(frozen=True)
class Draft:
    """Everything that an invoice says, before it is stored and numbered."""

    customer_id: UUID
    subscription_id: UUID
    period_id: UUID
    purpose: Purpose
    currency: str
    tax_terms: TaxTerms
    supplier: Party
    customer: Party
    time_zone: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Money:
        """What the customer owes, VAT contained: exactly the sum of the lines."""
        return sum_of((line.amount for line in self.lines), self.currency)

    @property
    def tax(self) -> Money:
        """The VAT contained in the total: exactly the sum of the lines' VAT."""
        return sum_of((line.tax for line in self.lines), self.currency)

    @property
    def subtotal(self) -> Money:
        """The total without VAT."""
        return self.total - self.tax

    @property
    def has_amounts(self) -> bool:
        """Whether a line charges or credits anything: then it is issued, and at zero it is paid as it is issued."""
        return any(line.amount for line in self.lines)


@dataclass(frozen=True)
class Invoice:
    """A stored invoice with its lines; `number` is None until it is issued. `credits` are a part of `amount_paid`."""

    id: UUID
    number: str | None
    customer_id: UUID
    subscription_id: UUID
    period_id: UUID
    purpose: Purpose
    currency: str
    status: InvoiceStatus
    tax_terms: TaxTerms
    supplier: Party
    customer: Party
    time_zone: str
    subtotal: Money
    tax: Money
    total: Money
    amount_paid: Money
    credits: Money
    # What credit notes took back of it, and the part of that which came off what was due.
    credited: Money
    credited_due: Money
    credited_tax: Money
    created_at: datetime
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    refunded_at: datetime | None
    disputed_at: datetime | None
    written_off_at: datetime | None = None
    # Why it is void or written off.
    end_reason: str | None = None
    lines: tuple[Line, ...] = ()

    @property
    def public_id(self) -> str:
        return public_id("inv", self.id)

    @property
    def reference(self) -> str:
        """What its payments are made for, as the gateways know it."""
        return invoice_reference(self.id)

    @property
    def amount_due(self) -> Money:
        """What is still to be paid; nothing unless the invoice is open or written off."""
        is_claim = self.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
        return self.total - self.amount_paid - self.credited_due if is_claim else Money(0, self.currency)

    @property
    def fee_line(self) -> Line | None:
        """The line of the flat fee, of which an invoice has at most one."""
        return next((line for line in self.lines if line.kind is LineKind.FLAT_FEE), None)

    def may_become(self, status: InvoiceStatus) -> bool:
        """Whether the state table has a way from here to `status`."""
        return status in MOVES[self.status]


@dataclass(frozen=True)
class Closing:
    """A period that was closed; `invoice_id` is None when there was nothing to invoice."""

    period_id: UUID
    customer_id: UUID
    subscription_id: UUID
    invoice_id: UUID | None
    period_start: datetime
    period_end: datetime
    interval: Interval
    currency: str
    plan_version_id: UUID
    closed_at: datetime
    kind: Literal["paid", "trial", "pause"]


class ChangeStatus(StrEnum):
    """Where a plan change that waits for its payment stands. A requoted one is still honoured when it is paid soon."""

    WAITING = "waiting"
    REQUOTED = "requoted"
    APPLIED = "applied"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class PendingChange:
    """A plan change that happens when its invoice is paid. `credit_minor` is what it takes off for unused time."""

    id: UUID
    subscription_id: UUID
    customer_id: UUID
    from_plan_version_id: UUID
    period_id: UUID
    plan_version_id: UUID
    interval: Interval
    invoice_id: UUID
    credit_minor: int
    status: ChangeStatus
    created_at: datetime


def sum_of(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts of one currency; zero of that currency for none."""
    return sum(amounts, start=Money(0, currency))


def fee_line_id(invoice: Invoice) -> UUID:
    """The id of the flat fee's line. Raises ValueError for an invoice without a fee, or one that is not stored."""
    line = invoice.fee_line
    if line is None or line.id is None:
        raise ValueError("the invoice has no stored flat fee")
    return line.id
