"""One payment and how it came to where it is, with the way back for money that pays nothing we know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, billing, payments
from autorisen.accounts import Customer
from autorisen.billing import UnappliedPayment
from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.payments import Payment, PaymentStatus, Step
from autorisen.ui import flash, render

router = APIRouter(prefix="/payments")


@dataclass(frozen=True)
class PaymentPage:
    """Context of console/payment.html. `unapplied` is None for a payment that pays an invoice."""

    payment: Payment
    payment_id: str
    customer: Customer
    steps: Sequence[Step]
    unapplied: UnappliedPayment | None
    can_refund: bool


@router.get("/{payment_id}")
async def payment_page(request: Request, runtime: RuntimeDep, _operator: Operator, payment_id: str) -> Response:
    id = parse_public_id("pay", payment_id)
    async with runtime.database.read() as tx:
        payment = await payments.payment(tx, id)
        if payment is None:
            raise payments.UnknownPayment
        unapplied = await billing.unapplied_payment(tx, id)
        page = PaymentPage(
            payment=payment,
            payment_id=payment_id,
            customer=await accounts.customer(tx, payment.customer_id),
            steps=await payments.history(tx, id),
            unapplied=unapplied,
            can_refund=unapplied is not None and payment.status is PaymentStatus.SUCCEEDED,
        )
    return render(request, "console/payment.html", page)


@router.post("/{payment_id}/refund")
async def refund(runtime: RuntimeDep, person: Operator, payment_id: str) -> Response:
    id = parse_public_id("pay", payment_id)
    async with runtime.unit() as unit:
        if await billing.unapplied_payment(unit.tx, id) is None:
            raise payments.NotRefundable("only a payment that pays nothing can be sent back from here")
        await payments.refund_payment(unit, id)
        await accounts.record_audit(unit, actor=person.actor, action="payment.refund_requested", target=payment_id)
    response = RedirectResponse(f"/console/payments/{payment_id}", 303)
    flash(response, "The gateway is asked to send the money back.")
    return response
