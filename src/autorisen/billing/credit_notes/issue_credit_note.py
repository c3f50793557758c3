"""Issue a credit note: take a claim back, whole or in part, and do with the money what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from autorisen import accounts, ledger, payments
from autorisen.billing import store as invoices
from autorisen.billing import store_issue, store_paid, wallet
from autorisen.billing.credit_notes import store
from autorisen.billing.credit_notes.build_credit_note import build_credit_note
from autorisen.billing.credit_notes.errors import CreditKeyTaken, NotCreditable, RefundImpossible, WrongCredit
from autorisen.billing.credit_notes.model import (
    REASON_LENGTH_MAX,
    CreditDraft,
    CreditNote,
    Settlement,
    Wanted,
    credit_note_number,
)
from autorisen.billing.errors import InvoiceNotFound, PaymentUnderWay
from autorisen.billing.facts import CreditNoteIssued, InvoicePaid
from autorisen.billing.issue_invoice import REVENUE_ACCOUNTS
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Invoice, InvoiceStatus, sum_of
from autorisen.billing.settle_invoice import mark_active_when_all_is_paid
from autorisen.billing.tax import TAX_ZONE
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.kit.work import record

ALL_THAT_IS_LEFT = Wanted()
CREDITABLE = (InvoiceStatus.OPEN, InvoiceStatus.PAID)


@dataclass(frozen=True)
class Request:
    """What an operator wants taken back, why, and what becomes of the part that was paid; once for each `key`."""

    reason: str
    wanted: Wanted = ALL_THAT_IS_LEFT
    settlement: Settlement = Settlement.REFUND
    key: str | None = None


async def preview_credit_note(tx: Tx, invoice: Invoice, wanted: Wanted) -> CreditDraft:
    """What a credit note would say now; nothing is stored. Raises what `issue_credit_note` raises for `wanted`."""
    if invoice.status not in CREDITABLE:
        raise NotCreditable(f"{invoice.number} is {invoice.status}")
    return build_credit_note(invoice, await store.credited(tx, invoice), wanted)


async def issue_credit_note(unit: Unit, invoice_id: UUID, request: Request, *, actor: str) -> CreditNote:
    """Take back what is wanted of an issued invoice: number, ledger, refund, fact and audit, all of it or nothing.

    First comes off what is due; an invoice of which nothing is due any more counts as settled. What had been paid goes
    back through the gateway, or stays as credit. The same key again gives the same credit note. Raises
    `InvoiceNotFound`, `CreditKeyTaken`, `NotCreditable`, `NothingToCredit`, `WrongCredit`, `PaymentUnderWay`,
    `RefundImpossible`.
    """
    invoice = await lock_invoice(unit.tx, invoice_id)
    if invoice is None or invoice.number is None:
        raise InvoiceNotFound(f"there is no {public_id('inv', invoice_id)}")
    if not request.reason.strip() or len(request.reason) > REASON_LENGTH_MAX:
        rule = f"must say why, in {REASON_LENGTH_MAX} characters at most"
        raise WrongCredit(errors=[FieldError("/reason", rule)])
    known = await _asked_before(unit, invoice, request)
    if known is not None:
        return known
    draft = await preview_credit_note(unit.tx, invoice, request.wanted)
    await _require_nothing_under_way(unit, invoice)
    plan = await _plan_paid_part(unit, invoice, draft, request.settlement)
    note = await _store(unit, invoice, draft, request, actor)
    await ledger.post_fact(unit, _posting(note), occurred_at=unit.now)
    await _give_back(unit, note, plan)
    if note.due and note.due == invoice.amount_due:
        await _settle(unit, invoice)
    about = (note.id, invoice.id, invoice.customer_id, note.number, note.total.minor, note.currency, unit.now)
    await record(unit, CreditNoteIssued(*about))
    detail = {"number": note.number, "total": str(note.total), "settlement": note.settlement, "reason": note.reason}
    await accounts.record_audit(unit, actor=actor, action="invoice.credited", target=invoice.public_id, detail=detail)
    return note


async def _asked_before(unit: Unit, invoice: Invoice, request: Request) -> CreditNote | None:
    """The credit note of the request's key; the invoice is held, so that two askers come one after the other."""
    if request.key is None:
        return None
    note = await store.credit_note_by_key(unit.tx, invoice.id, request.key)
    if note is None:
        return None
    asked = request.wanted.amount or note.total
    if request.wanted.lines is not None:
        asked = sum_of(request.wanted.lines.values(), note.currency)
    settlements = (Settlement.DUE, request.settlement)
    if (note.total, note.reason) != (asked, request.reason.strip()) or note.settlement not in settlements:
        raise CreditKeyTaken(f"{note.number} over {note.total} was asked for with it")
    return replace(note, lines=await store.credit_lines(unit.tx, note, invoice))


async def _require_nothing_under_way(unit: Unit, invoice: Invoice) -> None:
    for attempt in await payments.payments_for(unit.tx, invoice.reference):
        if attempt.is_live:
            raise PaymentUnderWay(f"{attempt.amount} is on its way; try again when it has come or failed")


@dataclass(frozen=True)
class _Refund:
    """What the gateway is asked to send back; less than the credit note where money went back already."""

    payment_id: UUID
    amount: Money


async def _plan_paid_part(unit: Unit, invoice: Invoice, draft: CreditDraft, settlement: Settlement) -> _Refund | None:
    """How the part that was paid goes back; None when there is none, or when it stays as credit.

    Money that went back earlier without a credit note is explained by this one first, and is not sent again.
    """
    if not draft.paid_part:
        return None
    if settlement is Settlement.DUE:
        raise WrongCredit(errors=[FieldError("/settlement", "must be refund or credit: a part of it was paid")])
    zero = Money.zero(invoice.currency)
    payment_id = await store_paid.payment_of(unit.tx, invoice.id)
    payment = None if payment_id is None else await payments.payment(unit.tx, payment_id, lock=True)
    notes = await store.credit_notes_of(unit.tx, invoice.id)
    refunds = sum_of((each.paid_part for each in notes if each.settlement is Settlement.REFUND), invoice.currency)
    gone = zero if payment is None else Money(max(payment.refunded_minor, payment.refund_asked_minor), zero.currency)
    if settlement is Settlement.CREDIT:
        kept = sum_of((each.paid_part for each in notes if each.settlement is Settlement.CREDIT), invoice.currency)
        free = invoice.amount_paid - kept - (gone if refunds < gone else refunds)
        if free < draft.paid_part:
            raise RefundImpossible(f"only {free} of {invoice.number} is still here; settle what went back by refund")
        return None
    wanted = refunds + draft.paid_part
    if payment is None or payment.amount < wanted:
        raise RefundImpossible(f"not so much of {invoice.number} was paid through a gateway; keep it as credit")
    ask = wanted - gone if gone < wanted else zero
    if ask and payment.status is not payments.PaymentStatus.SUCCEEDED:
        raise RefundImpossible(f"the payment is {payment.status.value}; that has to be decided first")
    return _Refund(payment.id, ask)


async def _give_back(unit: Unit, note: CreditNote, refund: _Refund | None) -> None:
    """Have the gateway send the paid part back, or keep it as the customer's credit."""
    if refund is not None and refund.amount:
        await payments.refund_payment(unit, refund.payment_id, amount=refund.amount, reference=note.reference)
    if note.settlement is Settlement.CREDIT:
        await wallet.grant(
            unit,
            customer_id=note.customer_id,
            kind=wallet.GrantKind.CREDIT_NOTE,
            amount=note.paid_part,
            source=note.reference,
            reason=f"Credit note {note.number}",
        )


async def _next_number(unit: Unit) -> str:
    """Without gaps, as an invoice's: the counter's row stays locked until the unit ends."""
    year = unit.now.astimezone(TAX_ZONE).year
    return credit_note_number(year, await store_issue.take_numbers(unit.tx, f"CN-{year}", 1))


async def _store(unit: Unit, invoice: Invoice, draft: CreditDraft, request: Request, actor: str) -> CreditNote:
    note = CreditNote(
        id=unit.ids.new(),
        number=await _next_number(unit),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        reason=request.reason.strip(),
        settlement=request.settlement if draft.paid_part else Settlement.DUE,
        subtotal=draft.subtotal,
        tax=draft.tax,
        total=draft.total,
        due=draft.due,
        issued_at=unit.now,
        issued_by=actor,
        lines=draft.lines,
    )
    await store.insert_credit_note(unit.tx, note, [unit.ids.new() for _ in note.lines], request.key)
    return note


def _posting(note: CreditNote) -> ledger.Posting:
    accounts_of = dict.fromkeys(REVENUE_ACCOUNTS.values())
    nets = {
        account: sum_of((each.net for each in note.lines if REVENUE_ACCOUNTS[each.line.kind] == account), note.currency)
        for account in accounts_of
    }
    paid_back = {
        Settlement.REFUND: ledger.chart.refunds(note.customer_id),
        Settlement.CREDIT: ledger.chart.wallet(note.customer_id),
    }
    settles = {ledger.chart.receivable(note.customer_id): note.due}
    if note.settlement is not Settlement.DUE:
        settles[paid_back[note.settlement]] = note.paid_part
    return ledger.postings.credit_note_issued(
        credit_note_id=note.id, number=note.number, nets=nets, tax=note.tax, settles=settles
    )


async def _settle(unit: Unit, invoice: Invoice) -> None:
    """Nothing of the invoice is due any more."""
    assert invoice.number is not None, "an issued invoice has a number"
    await invoices.mark_paid(unit.tx, invoice.id, unit.now)
    about = (invoice.id, invoice.customer_id, invoice.number, invoice.total.minor, invoice.currency, unit.now)
    await record(unit, InvoicePaid(*about))
    await mark_active_when_all_is_paid(unit, invoice.subscription_id)
