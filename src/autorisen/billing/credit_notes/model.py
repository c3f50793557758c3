"""What a credit note is, and what it does with what it takes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from autorisen.billing.model import Invoice, Line, sum_of
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.payments import Payment

REASON_LENGTH_MAX = 500
KEY_LENGTH_MAX = 120


class Settlement(StrEnum):
    """What becomes of the part that the customer had paid. `DUE`: there is none, it comes off what is due."""

    DUE = "due"
    REFUND = "refund"
    CREDIT = "credit"


@dataclass(frozen=True)
class CreditLine:
    """What one line of an invoice is taken back by; of the line's sign, VAT contained."""

    line: Line
    amount: Money
    tax: Money

    @property
    def net(self) -> Money:
        return self.amount - self.tax


@dataclass(frozen=True)
class CreditDraft:
    """A credit note before it is issued: `due` is how much comes off what is due, the rest had been paid."""

    lines: tuple[CreditLine, ...]
    currency: str
    due: Money

    @property
    def total(self) -> Money:
        return sum_of((line.amount for line in self.lines), self.currency)

    @property
    def tax(self) -> Money:
        return sum_of((line.tax for line in self.lines), self.currency)

    @property
    def subtotal(self) -> Money:
        return self.total - self.tax

    @property
    def paid_part(self) -> Money:
        """What the customer had paid of it, and gets back."""
        return self.total - self.due


@dataclass(frozen=True)
class CreditNote:
    """An issued credit note. Parties and tax are those of its invoice."""

    id: UUID
    number: str
    invoice_id: UUID
    customer_id: UUID
    currency: str
    reason: str
    settlement: Settlement
    subtotal: Money
    tax: Money
    total: Money
    due: Money
    issued_at: datetime
    issued_by: str
    lines: tuple[CreditLine, ...] = ()

    @property
    def public_id(self) -> str:
        return public_id("crn", self.id)

    @property
    def reference(self) -> str:
        """Under which its refund, or the credit that is kept, is known."""
        return f"credit_note:{self.id}"

    @property
    def paid_part(self) -> Money:
        """What the customer had paid of it, and gets back."""
        return self.total - self.due


@dataclass(frozen=True)
class Credited:
    """What credit notes have taken back of a line so far."""

    amount: Money
    tax: Money


@dataclass(frozen=True)
class Wanted:
    """What is to be taken back: some lines by amount, or an amount of the whole, or, with neither, all that is left."""

    lines: Mapping[UUID, Money] | None = None
    amount: Money | None = None


def credit_note_number(year: int, sequence: int) -> str:
    """CN-YYYY-NNNNN, a series of its own."""
    return f"CN-{year:04d}-{sequence:05d}"


def refunded_without_note(invoice: Invoice, attempts: Sequence[Payment], notes: Sequence[CreditNote]) -> Money:
    """What went back to the payer and no credit note explains yet."""
    gone = sum(each.refunded_minor for each in attempts)
    explained = sum(each.paid_part.minor for each in notes if each.settlement is Settlement.REFUND)
    return Money(max(gone - explained, 0), invoice.currency)
