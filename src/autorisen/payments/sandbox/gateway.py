"""The sandbox behind the gateway port: what we may know of it is what its answers and its signed events say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from autorisen.kit.crypto import derive_key
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime, Unit
from autorisen.payments import standard_webhooks
from autorisen.payments.gateway import (
    Announcement,
    ChargeOrder,
    CheckoutOrder,
    Feed,
    Forged,
    GatewayUnavailable,
    HostedPage,
    Lookup,
    PulledEvent,
    RawDelivery,
    RefundOrder,
    RefundRefused,
    Signed,
    Unreadable,
)
from autorisen.payments.model import Mode, PaymentStatus, Terms, Truth
from autorisen.payments.sandbox import provider, store
from autorisen.payments.sandbox.cards import FAILURES
from autorisen.payments.sandbox.model import SUCCESSFUL, SandboxCharge, SandboxCheckout, deciding_charge

_ABOUT_PAYMENTS = frozenset(
    {
        "payment.requires_action",
        "payment.succeeded",
        "payment.failed",
        "payment.refunded",
        "payment.disputed",
        "payment.dispute_won",
    }
)
_OF_NO_INTEREST = frozenset({"checkout.attempt_failed"})
_PAGE_SIZE = 100
_TYPE_LENGTH_MAX = 100


def webhook_secret(settings: Settings) -> bytes:
    """The secret that the sandbox signs with: derived, so that there is nothing to set up and nothing to leak."""
    return derive_key(settings.secret_key, "sandbox webhook signature")


class SandboxGateway:
    """`Gateway` for the sandbox. Each call is a transaction of the provider, never one of ours."""

    name = "sandbox"
    mode = Mode.TEST

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def start_checkout(self, order: CheckoutOrder) -> HostedPage:
        async with self._runtime.unit() as unit:
            wanted = SandboxCheckout(
                id=f"sco_{unit.ids.token(18)}",
                idempotency_key=str(order.payment_id),
                customer=str(order.customer_id),
                reference=order.reference,
                amount_minor=order.amount.minor,
                currency=order.amount.currency,
                description=order.description,
                return_url=order.return_url,
                expires_at=order.expires_at,
            )
            checkout = await provider.open_checkout(unit, wanted)
        return HostedPage(checkout.id, f"{self._runtime.settings.base_url}/sandbox/checkout/{checkout.id}")

    async def charge(self, order: ChargeOrder) -> Truth:
        async with self._runtime.unit() as unit:
            wanted = SandboxCharge(
                id=f"sch_{unit.ids.new().hex}",
                checkout_id=None,
                merchant_payment_id=str(order.payment_id),
                reference=order.reference,
                token=order.token,
                amount_minor=order.amount.minor,
                currency=order.amount.currency,
                status="failed",
                failure_code=None,
            )
            charge = await provider.charge_token(unit, wanted)
            if charge is None:
                terms = Terms(order.reference, order.amount.minor, order.amount.currency)
                return Truth(
                    None, PaymentStatus.FAILED, self.mode, order.payment_id, terms, failure_code="card_removed"
                )
            return await self._truth_of_charge(unit, charge)

    async def refund(self, order: RefundOrder) -> Truth:
        payment, key = str(order.payment_id), str(order.refund_id)
        try:
            async with self._runtime.unit() as unit:
                await provider.refund(unit, payment, idempotency_key=key, amount_minor=order.amount.minor)
        except provider.NotRefundable as error:
            raise RefundRefused("the sandbox has not so much of it left, or a bank asks it back") from error
        truth = await self.fetch(Lookup(order.provider_id, order.payment_id))
        if truth is None:
            raise GatewayUnavailable("the sandbox has no such payment")
        return truth

    def recognises(self, headers: Mapping[str, str]) -> bool:
        return standard_webhooks.SIGNATURE in headers

    def verify(self, delivery: RawDelivery, *, at: datetime) -> Signed:
        secret = webhook_secret(self._runtime.settings)
        event_id = standard_webhooks.verify([secret], delivery.headers, delivery.body, at=at)
        try:
            event_type = str(_object(delivery.body)["type"])[:_TYPE_LENGTH_MAX]
        except (Unreadable, KeyError):
            event_type = "unreadable"
        if not event_type.isprintable():
            raise Forged("type_malformed")
        return Signed(event_id, event_type)

    def read(self, body: bytes) -> Announcement:
        event = _object(body)
        try:
            event_type, mode = str(event["type"]), Mode(event["mode"])
            if event_type in _OF_NO_INTEREST or event_type not in _ABOUT_PAYMENTS:
                return Announcement(event_type, mode, None, known=event_type in _OF_NO_INTEREST)
            data = event["data"]
            lookup = Lookup(_text(data["payment"]), UUID(data["merchant_payment_id"]), evidence=body)
            terms = Terms(_text(data["reference"]), _whole(data["amount_minor"]), _text(data["currency"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(str(error)) from error
        return Announcement(event_type, mode, lookup, terms=terms)

    async def fetch(self, lookup: Lookup) -> Truth | None:
        async with self._runtime.unit() as unit:
            if lookup.provider_id is not None:
                checkout = await store.checkout(unit.tx, lookup.provider_id)
                charge = await store.charge(unit.tx, lookup.provider_id)
            else:
                checkout = await store.checkout_by_key(unit.tx, str(lookup.payment_id))
                charges = await store.charges_of(unit.tx, str(lookup.payment_id))
                charge = charges[0] if charges else None
            if checkout is not None:
                return await self._truth_of_checkout(unit, checkout)
            return await self._truth_of_charge(unit, charge) if charge else None

    async def list_since(self, cursor: str | None) -> Feed:
        written_by, _, position = (cursor or "0-0").partition("-")
        async with self._runtime.unit() as unit:
            events = await store.events_since(unit.tx, written_by=written_by, position=int(position), limit=_PAGE_SIZE)
        pulled = tuple(PulledEvent(event.id, event.type, event.body) for event in events)
        return Feed(pulled, events[-1].cursor if events else cursor, more=len(events) == _PAGE_SIZE)

    async def _truth_of_checkout(self, unit: Unit, checkout: SandboxCheckout) -> Truth:
        terms = Terms(checkout.reference, checkout.amount_minor, checkout.currency)
        charge = deciding_charge(await store.charges_of(unit.tx, checkout.idempotency_key))
        if charge is not None and (charge.status in SUCCESSFUL or unit.now < checkout.expires_at):
            return await self._truth_of_charge(unit, charge)
        status, code = PaymentStatus.PENDING, None
        if unit.now >= checkout.expires_at:
            status, code = PaymentStatus.FAILED, "checkout_expired"
        return Truth(
            provider_id=checkout.id,
            status=status,
            mode=self.mode,
            payment_id=UUID(checkout.idempotency_key),
            terms=terms,
            failure_code=code,
            failure_reason=FAILURES[code] if code else None,
        )

    async def _truth_of_charge(self, unit: Unit, charge: SandboxCharge) -> Truth:
        method = await store.method(unit.tx, charge.token)
        waits = charge.status == "requires_action"
        step = f"{self._runtime.settings.base_url}/sandbox/checkout/{charge.checkout_id}/step/{charge.id}"
        return Truth(
            provider_id=charge.checkout_id or charge.id,
            status=PaymentStatus(charge.status),
            mode=self.mode,
            payment_id=UUID(charge.merchant_payment_id),
            terms=Terms(charge.reference, charge.amount_minor, charge.currency),
            card=method.card if method and charge.status in SUCCESSFUL else None,
            action_url=step if waits else None,
            failure_code=charge.failure_code,
            failure_reason=FAILURES[charge.failure_code] if charge.failure_code else None,
            refunded_minor=charge.refunded_minor,
            fee_minor=charge.fee_minor,
            disputes_won=charge.disputes_won,
        )


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(event, dict):
        raise Unreadable("not an object")
    return event


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is expected")
    return value
