"""One line of an invoice opened down to its events, and evidence files: the customer's pages and the operator's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from autorisen import metering
from autorisen.accounts import Principal, member, operator
from autorisen.billing.credit_notes.model import CreditNote
from autorisen.billing.credit_notes.read_credit_notes import credit_document, customer_credit_document
from autorisen.billing.credit_notes.store import credit_lines, credit_notes_of
from autorisen.billing.errors import LineNotFound
from autorisen.billing.explanation.evidence import credit_evidence, evidence, first_uses
from autorisen.billing.explanation.evidence_response import evidence_response
from autorisen.billing.explanation.explain_invoice import Explanation, explain_line
from autorisen.billing.explanation.present_line import CAUSE_WORDS, Step, line_steps, taken_back
from autorisen.billing.model import Invoice
from autorisen.billing.read_invoices import customer_invoice, invoice
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.kit.money import Money
from autorisen.ui import render

router = APIRouter()

Member = Annotated[Principal, Depends(member)]
Operator = Annotated[Principal, Depends(operator)]


@dataclass(frozen=True)
class OpenedLine:
    """One line with what is behind it."""

    invoice: Invoice
    explanation: Explanation
    steps: Sequence[Step]
    events: Sequence[metering.CountedUse]
    credits: Sequence[tuple[CreditNote, Money]]
    cause_words: dict[str, str]


@dataclass(frozen=True)
class LinePage:
    """Context of billing/line.html and billing/operators_line.html."""

    page: OpenedLine


@router.get("/app/invoices/{invoice_id}/lines/{line_id}")
async def line_page(invoice_id: str, line_id: str, request: Request, runtime: RuntimeDep, person: Member) -> Response:
    """Why one line of an invoice says what it says."""
    async with runtime.database.read() as tx:
        of = await customer_invoice(tx, customer_id=_customer(person), invoice_id=parse_public_id("inv", invoice_id))
        page = await _page(tx, of, line_id)
    return render(request, "billing/line.html", page)


@router.get("/console/invoices/{invoice_id}/lines/{line_id}")
async def operators_line_page(
    invoice_id: str, line_id: str, request: Request, runtime: RuntimeDep, _operator: Operator
) -> Response:
    """Why one line of an invoice says what it says."""
    async with runtime.database.read() as tx:
        page = await _page(tx, await invoice(tx, parse_public_id("inv", invoice_id)), line_id)
    return render(request, "billing/operators_line.html", page)


@router.get("/app/invoices/{invoice_id}/evidence.jsonl")
async def evidence_file(invoice_id: str, runtime: RuntimeDep, person: Member) -> Response:
    """Every line with its reasons and events."""
    async with runtime.database.read() as tx:
        of = await customer_invoice(tx, customer_id=_customer(person), invoice_id=parse_public_id("inv", invoice_id))
    return evidence_response(str(of.number), evidence(runtime.database, of))


@router.get("/console/invoices/{invoice_id}/evidence.jsonl")
async def operators_evidence_file(invoice_id: str, runtime: RuntimeDep, _operator: Operator) -> Response:
    """Every line with its reasons and events."""
    async with runtime.database.read() as tx:
        of = await invoice(tx, parse_public_id("inv", invoice_id))
    return evidence_response(str(of.number), evidence(runtime.database, of))


@router.get("/app/credit-notes/{credit_note_id}/evidence.jsonl")
async def credit_evidence_file(credit_note_id: str, runtime: RuntimeDep, person: Member) -> Response:
    """Every line that is taken back, with its reasons and events."""
    id = parse_public_id("crn", credit_note_id)
    async with runtime.database.read() as tx:
        found = await customer_credit_document(tx, customer_id=_customer(person), id=id)
    return evidence_response(found.note.number, credit_evidence(runtime.database, found))


@router.get("/console/invoices/credit-notes/{credit_note_id}/evidence.jsonl")
async def operators_credit_evidence_file(credit_note_id: str, runtime: RuntimeDep, _operator: Operator) -> Response:
    """Every line that is taken back, with its reasons and events."""
    async with runtime.database.read() as tx:
        found = await credit_document(tx, parse_public_id("crn", credit_note_id))
    return evidence_response(found.note.number, credit_evidence(runtime.database, found))


async def _page(tx: Tx, of: Invoice, line_id: str) -> LinePage:
    wanted = parse_public_id("iln", line_id)
    line = next((each for each in of.lines if each.id == wanted), None)
    if line is None:
        raise LineNotFound(f"{of.number} has no such line; its lines are on its page")
    explanation = await explain_line(tx, of, line)
    notes = [replace(each, lines=await credit_lines(tx, each, of)) for each in await credit_notes_of(tx, of.id)]
    opened = OpenedLine(
        invoice=of,
        explanation=explanation,
        steps=line_steps(of, explanation),
        events=await first_uses(tx, explanation),
        credits=taken_back(line, notes),
        cause_words=CAUSE_WORDS,
    )
    return LinePage(opened)


def _customer(person: Principal) -> UUID:
    assert person.customer_id is not None, "a member has a customer"
    return person.customer_id
