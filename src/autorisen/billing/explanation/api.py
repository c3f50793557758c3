"""The machine interface of explanations: why invoices and credit notes say what they say, and evidence files."""

from __future__ import annotations

from fastapi import APIRouter, Response

from autorisen.billing.access import EVIDENCE, REFUSALS, Reads, visible_invoice
from autorisen.billing.credit_notes.access import visible_credit_note
from autorisen.billing.explanation.evidence import credit_evidence, evidence
from autorisen.billing.explanation.evidence_response import evidence_response
from autorisen.billing.explanation.explain_invoice import explain
from autorisen.billing.explanation.views import (
    CreditExplanations,
    Explanations,
    credit_explanations,
    explanation_view,
)
from autorisen.billing.wallet import movements_of_invoice
from autorisen.billing.wallet.views import credits_used_view
from autorisen.kit.http import RuntimeDep

router = APIRouter(prefix="/api", tags=["billing"], responses=REFUSALS)


@router.get("/invoices/{invoice_id}/explanation")
async def explain_invoice(invoice_id: str, runtime: RuntimeDep, principal: Reads) -> Explanations:
    """Why every line says what it says: price version, rated quantity, what corrected it, the days behind it."""
    invoice = await visible_invoice(runtime, principal, invoice_id)
    async with runtime.database.read() as tx:
        reasons = await explain(tx, invoice)
        used = await movements_of_invoice(tx, invoice.id)
    return Explanations(
        invoice=invoice.public_id,
        number=invoice.number or "",
        lines=[explanation_view(each) for each in reasons],
        credits=[credits_used_view(each) for each in used],
    )


@router.get("/invoices/{invoice_id}/evidence.jsonl", response_class=Response, responses=EVIDENCE)
async def read_evidence(invoice_id: str, runtime: RuntimeDep, principal: Reads) -> Response:
    """Every line with its reasons, days and events, as JSON Lines; the last record counts them."""
    invoice = await visible_invoice(runtime, principal, invoice_id)
    return evidence_response(str(invoice.number), evidence(runtime.database, invoice))


@router.get("/credit-notes/{credit_note_id}/explanation")
async def explain_credit_note(credit_note_id: str, runtime: RuntimeDep, principal: Reads) -> CreditExplanations:
    """What every line is taken back by, and why the invoice's line had said what it said."""
    document = await visible_credit_note(runtime, principal, credit_note_id)
    async with runtime.database.read() as tx:
        return credit_explanations(document, await explain(tx, document.invoice))


@router.get("/credit-notes/{credit_note_id}/evidence.jsonl", response_class=Response, responses=EVIDENCE)
async def read_credit_evidence(credit_note_id: str, runtime: RuntimeDep, principal: Reads) -> Response:
    """The credit note, its invoice, and every line that is taken back with its events, as JSON Lines."""
    document = await visible_credit_note(runtime, principal, credit_note_id)
    return evidence_response(document.note.number, credit_evidence(runtime.database, document))
