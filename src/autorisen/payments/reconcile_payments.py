"""Pull what was missed: webhooks are fast and may be lost, so the gateway's own records are the safety net."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Lease, enqueue
from autorisen.payments import store
from autorisen.payments.charge_saved_method import enqueue_charge
from autorisen.payments.gateway import Gateway, Lookup
from autorisen.payments.gateways import gateway_named, gateways
from autorisen.payments.inbox import store as inbox
from autorisen.payments.inbox.receive_webhook import take_in
from autorisen.payments.inbox.settle_or_park import settle_or_park
from autorisen.payments.model import Payment, PaymentKind, PaymentStatus, Terms, Truth
from autorisen.payments.settle_payment import settle_payment

RECONCILE_KIND = "payments.reconcile"
REFRESH_KIND = "payments.refresh"

# A live payment that has not moved for this long is asked about.
STUCK_AFTER = timedelta(minutes=10)
_STUCK_LIMIT = 2_000
# After the page has closed, the gateway still has this long to tell us of a payment made in the last second.
_AFTER_EXPIRY = timedelta(hours=1)

log = structlog.get_logger(__name__)


async def reconcile_payments(lease: Lease, payload: dict[str, Any]) -> None:
    """The scheduled job: put unseen events of each gateway into the inbox, and have stuck payments asked about.

    Each page of a gateway's list commits by itself with its cursor, so a crash resumes there. Raises
    `GatewayUnavailable` to be tried again.
    """
    switched_on = gateways(lease.runtime)
    for gateway in switched_on.values():
        missed = await _pull(lease, gateway)
        if missed:
            log.warning("payments.webhooks_missed", gateway=gateway.name, events=missed)
    async with lease.finish() as unit:
        before = unit.now - STUCK_AFTER
        stuck = await store.stuck_payment_ids(unit.tx, gateways=list(switched_on), before=before, limit=_STUCK_LIMIT)
        for payment_id in stuck:
            await enqueue(unit, REFRESH_KIND, {"payment_id": payment_id}, key=f"{REFRESH_KIND}:{payment_id}")


async def _pull(lease: Lease, gateway: Gateway) -> int:
    missed = 0
    more = True
    while more:
        async with lease.runtime.database.read() as tx:
            cursor = await inbox.cursor(tx, gateway.name)
        feed = await gateway.list_since(cursor)
        async with lease.runtime.unit() as unit:
            known = await inbox.known_events(unit.tx, gateway.name, [event.event_id for event in feed.events])
            # What is known leaves no trace, not even an id: when it is listed is the gateway's affair.
            for event in (each for each in feed.events if each.event_id not in known):
                missed += await take_in(
                    unit, gateway=gateway.name, event_id=event.event_id, type=event.type, body=event.body, pulled=True
                )
            if feed.cursor is not None:
                await inbox.set_cursor(unit.tx, gateway.name, feed.cursor, unit.now)
        await lease.heartbeat()
        more = feed.more
    return missed


async def refresh_payment(lease: Lease, payload: dict[str, Any]) -> None:
    """The leased job for one stuck payment: fetch the truth and settle; ask again, or give up, when there is none."""
    payment_id = UUID(payload["payment_id"])
    truth = await _fetch(lease.runtime, payment_id)
    async with lease.finish() as unit:
        payment = await store.payment(unit.tx, payment_id, lock=True)
        if payment is None or not payment.is_live:
            return
        if truth is not None:
            await settle_or_park(unit, payment, truth, cause=f"refresh {lease.job_id}")
        elif payment.kind is PaymentKind.SAVED_METHOD:
            # The gateway never heard of it, so its job died before the question. Same key, so asking again is safe.
            await enqueue_charge(unit, payment.id)
        else:
            await _give_up(unit, payment)


async def _fetch(runtime: Runtime, payment_id: UUID) -> Truth | None:
    async with runtime.database.read() as tx:
        payment = await store.payment(tx, payment_id)
        stored = await store.checkout_of_payment(tx, payment_id)
    if payment is None:
        return None
    provider_id = payment.provider_id or (stored.provider_id if stored else None)
    return await gateway_named(runtime, payment.gateway).fetch(Lookup(provider_id, payment.id))


async def _give_up(unit: Unit, payment: Payment) -> None:
    """End a checkout that never reached its gateway, once its time is over."""
    stored = await store.checkout_of_payment(unit.tx, payment.id)
    if stored is None or unit.now < stored.checkout.expires_at + _AFTER_EXPIRY:
        return
    truth = Truth(
        provider_id=None,
        status=PaymentStatus.FAILED,
        mode=payment.mode,
        payment_id=payment.id,
        terms=Terms(payment.reference, None, None),
        failure_code="checkout_expired",
        failure_reason="The payment page was not used in time.",
    )
    await settle_payment(unit, payment, truth, cause="expired before it reached the gateway")
