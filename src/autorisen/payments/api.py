"""The machine interface of payments: the webhooks of gateways, payments, saved methods, and replay of deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from autorisen.accounts import Principal, api_key_or_session, record_audit
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.problems import BodyTooLarge, FieldError, InvalidInput, NotAllowed
from autorisen.payments import store
from autorisen.payments.gateways import gateway_for_headers, gateway_named
from autorisen.payments.inbox.receive_webhook import receive_webhook
from autorisen.payments.inbox.replay_delivery import replay_delivery
from autorisen.payments.methods import store as methods
from autorisen.payments.model import Payment, PaymentMethod

WEBHOOK_BYTES_MAX = 256 * 1024


# What every operation may answer besides stands in `kit.openapi`.
_WEBHOOK: dict[int | str, dict[str, Any]] = {
    400: {"description": "The signature does not hold"},
    404: {"description": "There is no such gateway"},
}
_REPLAY: dict[int | str, dict[str, Any]] = {409: {"description": "The delivery is not parked"}}

router = APIRouter(prefix="/api", tags=["payments"])

ReadsPayments = Annotated[Principal, Depends(api_key_or_session("billing:read"))]
Administers = Annotated[Principal, Depends(api_key_or_session("admin"))]


class Received(BaseModel):
    """What became of a genuine delivery. Both are a success for the sender."""

    status: str


class PaymentView(BaseModel):
    """One attempt to move money."""

    id: str
    customer_id: str
    reference: str
    attempt: int
    kind: str
    gateway: str
    mode: str
    amount_minor: int
    currency: str
    description: str
    status: str
    action_url: str | None
    failure_code: str | None
    failure_reason: str | None
    created_at: datetime
    succeeded_at: datetime | None
    refunded_minor: int


class PaymentList(BaseModel):
    """One page; `next` is the `after` of the following one."""

    payments: list[PaymentView]
    next: str | None


class MethodView(BaseModel):
    """A saved card, as much of it as we know."""

    id: str
    gateway: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_default: bool
    created_at: datetime


class MethodList(BaseModel):
    payment_methods: list[MethodView]


@router.post("/payments/webhooks/{gateway}", responses=_WEBHOOK)
async def webhook(gateway: str, request: Request, runtime: RuntimeDep) -> Received:
    """A gateway's signed delivery: stored and committed before it is answered; it takes effect after that."""
    return await _receive(request, runtime, gateway)


@router.post("/payment/webhook", responses=_WEBHOOK)
async def webhook_alias(request: Request, runtime: RuntimeDep) -> Received:
    """The same for all gateways: which one it is shows in how the delivery is signed."""
    return await _receive(request, runtime, None)


@router.get("/payments")
async def list_payments(
    runtime: RuntimeDep,
    principal: ReadsPayments,
    after: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PaymentList:
    """Payments, the newest first: an operator's are everybody's, a customer's its own."""
    last = _cursor(after)
    async with runtime.database.read() as tx:
        owner = None if principal.is_operator else _customer_of(principal)
        found = await store.list_payments(tx, customer_id=owner, after=last, limit=limit)
    following = public_id("pay", found[-1].id) if len(found) == limit else None
    return PaymentList(payments=[_payment(each) for each in found], next=following)


@router.get("/payment-methods")
async def list_payment_methods(runtime: RuntimeDep, principal: ReadsPayments) -> MethodList:
    """The customer's saved cards, the default first."""
    async with runtime.database.read() as tx:
        found = await methods.payment_methods(tx, _customer_of(principal))
    return MethodList(payment_methods=[_method(each) for each in found])


@router.post("/deliveries/{delivery_id}/replay", status_code=202, responses=_REPLAY)
async def replay(delivery_id: str, runtime: RuntimeDep, principal: Administers) -> Received:
    """Try a parked delivery once more. For operators; the audit log remembers who did."""
    if not principal.is_operator:
        raise NotAllowed("only the operator replays deliveries")
    id = parse_public_id("whd", delivery_id)
    async with runtime.unit() as unit:
        await replay_delivery(unit, id)
        await record_audit(unit, actor=principal.actor, action="delivery.replayed", target=public_id("whd", id))
    return Received(status="received")


async def _receive(request: Request, runtime: RuntimeDep, name: str | None) -> Received:
    headers = dict(request.headers)
    gateway = gateway_named(runtime, name) if name else gateway_for_headers(runtime, headers)
    body = await _body(request)
    peer = request.client.host if request.client else None
    is_new = await receive_webhook(runtime, gateway, headers, body, peer=peer)
    return Received(status="received" if is_new else "duplicate")


async def _body(request: Request) -> bytes:
    """The raw bytes, up to the limit; nobody has to prove who they are before this, so it stops reading there."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > WEBHOOK_BYTES_MAX:
            raise BodyTooLarge(f"send at most {WEBHOOK_BYTES_MAX} bytes at once", limit_bytes=WEBHOOK_BYTES_MAX)
        chunks.append(chunk)
    return b"".join(chunks)


def _customer_of(principal: Principal) -> UUID:
    if principal.customer_id is None:
        raise NotAllowed("this is for members and keys of a customer")
    return principal.customer_id


def _cursor(after: str | None) -> UUID | None:
    if after is None:
        return None
    try:
        return parse_public_id("pay", after)
    except MalformedId:
        raise InvalidInput(errors=[FieldError("query/after", "use `next` of the page before")]) from None


def _payment(payment: Payment) -> PaymentView:
    return PaymentView(
        id=public_id("pay", payment.id),
        customer_id=public_id("cus", payment.customer_id),
        reference=payment.reference,
        attempt=payment.attempt,
        kind=payment.kind.value,
        gateway=payment.gateway,
        mode=payment.mode.value,
        amount_minor=payment.amount.minor,
        currency=payment.amount.currency,
        description=payment.description,
        status=payment.status.value,
        action_url=payment.action_url,
        failure_code=payment.failure_code,
        failure_reason=payment.failure_reason,
        created_at=payment.created_at,
        succeeded_at=payment.succeeded_at,
        refunded_minor=payment.refunded_minor,
    )


def _method(method: PaymentMethod) -> MethodView:
    return MethodView(
        id=public_id("met", method.id),
        gateway=method.gateway,
        brand=method.card.brand,
        last4=method.card.last4,
        exp_month=method.card.exp_month,
        exp_year=method.card.exp_year,
        is_default=method.is_default,
        created_at=method.created_at,
    )
