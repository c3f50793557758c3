"""Take back an invoice, whole or in part: first what it would do, then the doing. And its two other ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import billing, payments
from autorisen.billing import CreditDraft, CreditRequest, Invoice, Line, Settlement, Wanted
from autorisen.console.access import Operator
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput, Problem
from autorisen.ui import flash, render
from autorisen.ui.formats import amounts_for_people

router = APIRouter(prefix="/invoices")

_SETTLEMENTS = (Settlement.REFUND.value, Settlement.CREDIT.value)
_KEY_LENGTH_MAX = 120

SCOPES = (("whole", "All that is left"), ("amount", "An amount of the whole"), ("lines", "Some lines"))


@dataclass(frozen=True)
class LineChoice:
    """A line with something left to take back."""

    id: str
    line: Line
    left: Money
    typed: str


@dataclass(frozen=True)
class CreditForm:
    """What was typed. Amounts are text until they are read."""

    scope: str = "whole"
    amount: str = ""
    lines: Mapping[str, str] | None = None
    reason: str = ""
    settlement: str = "refund"
    # Made with the page, so that a second click asks for the same credit note.
    key: str = ""

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The same as the form sends it."""
        whole = ("scope", "amount", "reason", "settlement", "key")
        lines = ((f"line-{name}", text) for name, text in (self.lines or {}).items())
        return (*((name, getattr(self, name)) for name in whole), *lines)


@dataclass(frozen=True)
class CreditPage:
    """Context of console/credit.html. `draft` is there once it was asked for; `shown` is what issues just that."""

    invoice: Invoice
    lines: Sequence[LineChoice]
    left: Money
    form: CreditForm
    scopes: Sequence[tuple[str, str]]
    errors: Sequence[str]
    # The fields that the errors are about, by name; those of lines by the line's id.
    wrong: frozenset[str]
    customer_id: str
    draft: CreditDraft | None
    shown: Sequence[tuple[str, str]]
    follows: str


@router.get("/{invoice_id}/credit")
async def credit_page(request: Request, runtime: RuntimeDep, _operator: Operator, invoice_id: str) -> Response:
    async with runtime.database.read() as tx:
        page = await _page(tx, invoice_id, CreditForm(key=runtime.ids.new().hex))
    return render(request, "console/credit.html", page)


@router.post("/{invoice_id}/credit")
async def credit(request: Request, runtime: RuntimeDep, person: Operator, invoice_id: str) -> Response:
    """`action` is preview, which stores nothing, or issue."""
    typed = await request.form()
    form = CreditForm(
        scope=str(typed.get("scope", "whole")),
        amount=str(typed.get("amount", "")),
        lines={name[5:]: str(value) for name, value in typed.items() if name.startswith("line-")},
        reason=str(typed.get("reason", "")),
        settlement=str(typed.get("settlement", "refund")),
        key=str(typed.get("key", ""))[:_KEY_LENGTH_MAX],
    )
    try:
        async with runtime.unit() as unit:
            invoice = await billing.invoice(unit.tx, parse_public_id("inv", invoice_id))
            wanted = _request(form, invoice)
            if typed.get("action") == "issue":
                note = await billing.issue_credit_note(unit, invoice.id, wanted, actor=person.actor)
                return _back(invoice_id, f"{note.number} over {note.total.format()} is issued.")
            draft = await billing.preview_credit_note(unit.tx, invoice, wanted.wanted)
            page = await _page(unit.tx, invoice_id, form, draft=draft)
        return render(request, "console/credit.html", page)
    except Problem as refused:
        async with runtime.database.read() as tx:
            page = await _page(tx, invoice_id, replace(form, key=runtime.ids.new().hex), refused=refused)
        return render(request, "console/credit.html", page, status=refused.status)


@router.post("/{invoice_id}/void")
async def void(runtime: RuntimeDep, person: Operator, invoice_id: str, reason: Annotated[str, Form()]) -> Response:
    async with runtime.unit() as unit:
        await billing.void_invoice(unit, parse_public_id("inv", invoice_id), reason=reason, actor=person.actor)
    return _back(invoice_id, "The invoice is void. It keeps its number; nothing of it is owed.")


@router.post("/{invoice_id}/write-off")
async def write_off(runtime: RuntimeDep, person: Operator, invoice_id: str, reason: Annotated[str, Form()]) -> Response:
    async with runtime.unit() as unit:
        await billing.write_off_invoice(unit, parse_public_id("inv", invoice_id), reason=reason, actor=person.actor)
    return _back(invoice_id, "The invoice is written off. A payment that comes after all is still taken.")


def _request(form: CreditForm, invoice: Invoice) -> CreditRequest:
    if form.settlement not in _SETTLEMENTS:
        raise InvalidInput(errors=[FieldError("/settlement", f"must be one of {', '.join(_SETTLEMENTS)}")])
    return CreditRequest(form.reason, _wanted(form, invoice), Settlement(form.settlement), form.key or None)


def _wanted(form: CreditForm, invoice: Invoice) -> Wanted:
    if form.scope == "amount":
        return Wanted(amount=billing.read_amount(form.amount, invoice.currency, "/amount"))
    if form.scope == "lines":
        typed = {name: text for name, text in (form.lines or {}).items() if text.strip()}
        return Wanted(
            lines={
                parse_public_id("iln", name): billing.read_amount(text, invoice.currency, f"/lines/{name}")
                for name, text in typed.items()
            }
        )
    if form.scope != "whole":
        raise InvalidInput(errors=[FieldError("/scope", f"must be one of {', '.join(name for name, _ in SCOPES)}")])
    return Wanted()


async def _page(
    tx: Tx, invoice_id: str, form: CreditForm, *, draft: CreditDraft | None = None, refused: Problem | None = None
) -> CreditPage:
    invoice = await billing.invoice(tx, parse_public_id("inv", invoice_id))
    credited = await billing.credited(tx, invoice)
    choices = []
    for line in invoice.lines:
        assert line.id is not None, "a stored line has an id"
        left = billing.left_of(line, credited)
        if left:
            name = public_id("iln", line.id)
            choices.append(LineChoice(name, line, left, (form.lines or {}).get(name, "")))
    attempts = await payments.payments_for(tx, invoice.reference)
    gone = billing.refunded_without_note(invoice, attempts, await billing.credit_notes_of(tx, invoice.id))
    return CreditPage(
        invoice=invoice,
        lines=choices,
        left=invoice.total - invoice.credited,
        form=form,
        scopes=SCOPES,
        errors=_said(refused, {choice.id: choice.line.description for choice in choices}),
        wrong=frozenset(error.field.split("/")[-1].removesuffix("_minor") for error in refused.errors)
        if refused
        else frozenset(),
        customer_id=public_id("cus", invoice.customer_id),
        draft=draft,
        shown=form.fields,
        follows="" if draft is None else billing.what_follows(draft, Settlement(form.settlement), gone),
    )


def _said(refused: Problem | None, names: Mapping[str, str]) -> list[str]:
    """Why it can't be done, in words of the form."""
    if refused is None:
        return []
    words = {"/amount": "The amount", "/amount_minor": "The amount"}
    said = []
    for error in refused.errors:
        line = names.get(error.field.removeprefix("/lines/"))
        name = f"{line}: what is taken back" if line else words.get(error.field, f"The {error.field[1:]}")
        said.append(f"{name} {amounts_for_people(error.rule)}.")
    return said or [f"{refused.title}: {refused.detail}."]


def _back(invoice_id: str, text: str) -> Response:
    response = RedirectResponse(f"/console/invoices/{invoice_id}", 303)
    flash(response, text)
    return response
