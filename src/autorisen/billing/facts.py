"""What happened to invoices, in the past tense. Recorded in the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.kit.work import Fact


@dataclass(frozen=True)
class InvoiceIssued(Fact):
    """A claim got its number and is final from here on."""

    invoice_id: UUID
    customer_id: UUID
    number: str
    total_minor: int
    currency: str
    issued_at: datetime


@dataclass(frozen=True)
class InvoicePaid(Fact):
    """Nothing of an invoice is due any more: it is paid, or credit notes took back what was not."""

    invoice_id: UUID
    customer_id: UUID
    number: str
    total_minor: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True)
class InvoicePaymentFailed(Fact):
    """A payment for an open invoice came to nothing; the invoice stays open."""

    invoice_id: UUID
    customer_id: UUID
    number: str
    reason: str


@dataclass(frozen=True)
class InvoiceVoided(Fact):
    """An issued invoice counts as if it never was; nothing of it is owed."""

    invoice_id: UUID
    customer_id: UUID
    number: str
    voided_at: datetime


@dataclass(frozen=True)
class InvoiceWrittenOff(Fact):
    """Nobody expects `amount_minor`, the rest of an invoice, any more; a payment is still taken."""

    invoice_id: UUID
    customer_id: UUID
    number: str
    amount_minor: int
    currency: str
    written_off_at: datetime


@dataclass(frozen=True)
class CreditNoteIssued(Fact):
    """A claim was taken back, whole or in part."""

    credit_note_id: UUID
    invoice_id: UUID
    customer_id: UUID
    number: str
    total_minor: int
    currency: str
    issued_at: datetime


@dataclass(frozen=True)
class PaymentUnapplied(Fact):
    """Money arrived that pays nothing we know, or not exactly that; a person decides what becomes of it."""

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount_minor: int
    currency: str
    reason: str
