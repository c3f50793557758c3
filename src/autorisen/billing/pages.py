"""The customer's pages: invoices, one invoice, and billing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, catalog, payments, subscriptions
from autorisen.accounts import Principal, member
from autorisen.billing.checkout_news import checkout_news
from autorisen.billing.checkout_state import CheckoutState, checkout_state
from autorisen.billing.credit_notes.credit_note_pdf import credit_note_pdf
from autorisen.billing.credit_notes.model import CreditNote
from autorisen.billing.credit_notes.present import credit_steps
from autorisen.billing.credit_notes.read_credit_notes import customer_credit_document
from autorisen.billing.credit_notes.store import credit_notes_of
from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.document.pdf_response import pdf_response
from autorisen.billing.document.present import LineRow, Step, invoice_steps, line_rows, status_word
from autorisen.billing.document.tax_documents import Form, form_of
from autorisen.billing.errors import InvoiceNotFound, SubscriptionMissing
from autorisen.billing.invoice_reference import invoice_of
from autorisen.billing.known_cards import known_cards
from autorisen.billing.lifecycle.describe import Life, describe
from autorisen.billing.model import Invoice
from autorisen.billing.next_invoice import NextInvoice, next_invoice
from autorisen.billing.pay_invoice import pay_invoice
from autorisen.billing.read_invoices import customer_invoice
from autorisen.billing.store import list_invoices, open_invoices
from autorisen.billing.tax import document_title, percent, tax_statement
from autorisen.billing.wallet import Wallet, read_wallet
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import NotFound
from autorisen.kit.unit import Runtime
from autorisen.ui import render
from autorisen.ui.render import is_partial

router = APIRouter(prefix="/app")

Member = Annotated[Principal, Depends(member)]

PAGE_SIZE = 25


class InvoiceRow(NamedTuple):
    """One invoice of the list."""

    invoice: Invoice
    status: str


@dataclass(frozen=True)
class InvoicesPage:
    """Context of billing/invoices.html."""

    invoices: tuple[InvoiceRow, ...]
    older: str | None
    newer: str | None


@dataclass(frozen=True)
class InvoicePage:
    """Context of billing/invoice.html."""

    invoice: Invoice
    title: str
    status: str
    lines: tuple[LineRow, ...]
    steps: tuple[Step, ...]
    vat_label: str
    tax_note: str
    needs_address: bool
    credit_notes: tuple[CreditNote, ...]
    is_collecting: bool
    checkout: CheckoutState | None


@dataclass(frozen=True)
class BillingPage:
    """Context of billing/billing.html."""

    subscription: subscriptions.Subscription
    plan: catalog.PlanVersion
    price: Money | None
    period_start: datetime
    period_end: datetime
    methods: tuple[payments.PaymentMethod, ...]
    unpaid: tuple[Invoice, ...]
    credits: Wallet
    upcoming: NextInvoice | None
    upcoming_lines: tuple[LineRow, ...]
    can_upgrade: bool
    life: Life
    customer: accounts.Customer


def _customer(principal: Principal) -> UUID:
    assert principal.customer_id is not None, "a member has a customer"
    return principal.customer_id


@router.get("/invoices")
async def invoices_page(request: Request, runtime: RuntimeDep, person: Member, after: str = "") -> Response:
    cursor = _cursor(after)
    async with runtime.database.read() as tx:
        found = await list_invoices(tx, customer_id=_customer(person), after=cursor, limit=PAGE_SIZE + 1)
    rows = tuple(InvoiceRow(each, status_word(each)) for each in found[:PAGE_SIZE])
    older = f"/app/invoices?after={rows[-1].invoice.public_id}" if len(found) > PAGE_SIZE else None
    page = InvoicesPage(rows, older, "/app/invoices" if cursor else None)
    return render(request, "billing/invoices.html", page)


# Before the next one: its path parameter would swallow the ending.
@router.get("/invoices/{invoice_id}.pdf")
async def invoice_document(invoice_id: str, runtime: RuntimeDep, person: Member) -> Response:
    invoice = await _invoice(runtime, person, invoice_id)
    return pdf_response(str(invoice.number), invoice_pdf(invoice))


@router.get("/credit-notes/{credit_note_id}.pdf")
async def credit_note_document(credit_note_id: str, runtime: RuntimeDep, person: Member) -> Response:
    id = parse_public_id("crn", credit_note_id)
    async with runtime.database.read() as tx:
        document = await customer_credit_document(tx, customer_id=_customer(person), id=id)
    return pdf_response(document.note.number, credit_note_pdf(document))


@router.get("/credit-notes/{credit_note_id}")
async def credit_note_place(credit_note_id: str, runtime: RuntimeDep, person: Member) -> Response:
    """A credit note is read on the page of the invoice that it is about."""
    async with runtime.database.read() as tx:
        id = parse_public_id("crn", credit_note_id)
        document = await customer_credit_document(tx, customer_id=_customer(person), id=id)
    return RedirectResponse(f"/app/invoices/{document.invoice.public_id}#credit-notes", 303)


@router.get("/payments/{payment_id}")
async def payment_place(payment_id: str, runtime: RuntimeDep, person: Member) -> Response:
    """A payment is read on the page of what it pays: an invoice, or credits."""
    async with runtime.database.read() as tx:
        paid = await payments.payment(tx, parse_public_id("pay", payment_id))
    if paid is None or paid.customer_id != _customer(person):
        raise NotFound("you have no such payment; what you paid is on the statement of account")
    if (id := invoice_of(paid.reference)) is not None:
        return RedirectResponse(f"/app/invoices/{public_id('inv', id)}", 303)
    return RedirectResponse("/app/credits#movements", 303)


@router.get("/invoices/{invoice_id}")
async def invoice_page(
    invoice_id: str, request: Request, runtime: RuntimeDep, person: Member, checkout: str = ""
) -> Response:
    invoice = await _invoice(runtime, person, invoice_id)
    async with runtime.database.read() as tx:
        attempts = await payments.payments_for(tx, invoice.reference)
        notes = await credit_notes_of(tx, invoice.id)
        state = await checkout_state(tx, customer_id=invoice.customer_id, checkout=checkout)
    if state is not None and (is_partial(request) or state.state == "done"):
        return checkout_news(request, state, f"/app/invoices/{invoice.public_id}")
    page = InvoicePage(
        invoice=invoice,
        title=document_title(invoice),
        status=status_word(invoice),
        lines=line_rows(invoice.lines, invoice.time_zone),
        steps=invoice_steps(invoice, attempts, credit_steps(notes)),
        credit_notes=tuple(notes),
        vat_label=f"VAT {percent(invoice.tax_terms.rate)}",
        tax_note=tax_statement(invoice.tax_terms),
        needs_address=form_of(invoice) is Form.FULL and not invoice.customer.address,
        is_collecting=any(each.is_live and each.kind == payments.PaymentKind.SAVED_METHOD for each in attempts),
        checkout=state,
    )
    return render(request, "billing/invoice.html", page)


@router.post("/invoices/{invoice_id}/pay")
async def pay(invoice_id: str, runtime: RuntimeDep, person: Member) -> Response:
    """To the gateway's page; the invoice is paid when the gateway says so, not before."""
    checkout = await pay_invoice(runtime, customer_id=_customer(person), invoice_id=_parse(invoice_id))
    return RedirectResponse(checkout.url, 303)


@router.get("/billing")
async def billing_page(request: Request, runtime: RuntimeDep, person: Member) -> Response:
    async with runtime.database.read() as tx:
        page = await _billing(tx, runtime, _customer(person))
    return render(request, "billing/billing.html", page)


async def _billing(tx: Tx, runtime: Runtime, customer_id: UUID) -> BillingPage:
    now = runtime.clock.now()
    subscription = await _subscription(tx, customer_id)
    plan = await catalog.plan_version(tx, subscription.plan_version_id)
    period = await subscriptions.current_period(tx, subscription.id)
    price = plan.flat_price(subscription.currency, subscription.interval)
    upcoming = await next_invoice(tx, runtime.settings, customer_id=customer_id, now=now)
    offered = await catalog.current_plans(tx, now)
    return BillingPage(
        subscription=subscription,
        plan=plan,
        price=price.amount if price else None,
        period_start=period.start_at,
        period_end=period.end_at,
        methods=known_cards(await payments.payment_methods(tx, customer_id)),
        unpaid=tuple(await open_invoices(tx, subscription.id)),
        credits=await read_wallet(tx, customer_id, now),
        upcoming=upcoming,
        upcoming_lines=() if upcoming is None else line_rows(upcoming.draft.lines, upcoming.draft.time_zone),
        can_upgrade=any(each.rank > plan.rank for each in offered),
        life=await describe(tx, subscription, period, plan),
        customer=await accounts.customer(tx, customer_id),
    )


async def _subscription(tx: Tx, customer_id: UUID) -> subscriptions.Subscription:
    found = await subscriptions.subscription_of(tx, customer_id)
    if found is None:
        raise SubscriptionMissing("your account is being set up; load this page again in a moment")
    return found


async def _invoice(runtime: Runtime, person: Principal, text: str) -> Invoice:
    async with runtime.database.read() as tx:
        return await customer_invoice(tx, customer_id=_customer(person), invoice_id=_parse(text))


def _parse(text: str) -> UUID:
    try:
        return parse_public_id("inv", text)
    except MalformedId:
        raise InvoiceNotFound("there is no such invoice; all of yours are under Invoices") from None


def _cursor(text: str) -> UUID | None:
    try:
        return parse_public_id("inv", text) if text else None
    except MalformedId:
        return None
