"""The inbox of webhooks: what arrived, what was parked and why, and a button to apply it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, payments
from autorisen.console.access import Operator
from autorisen.console.paging import PAGE_SIZE, cursor, older_link
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id
from autorisen.payments import Delivery, DeliveryStatus, Payment
from autorisen.ui import flash, render

router = APIRouter(prefix="/deliveries")

WHY_PARKED = {
    "unreadable": "The body is not what this gateway sends. Look at it below.",
    "unknown_type": "We do not know this type of event. A newer release may.",
    "unknown_at_gateway": "The gateway itself does not know the payment that this speaks of.",
    "unknown_payment": "No payment of ours has that id. It may belong to another installation.",
    "wrong_mode": "Test money met live money, or the other way round. Check the gateway's keys.",
    "wrong_reference": "The payment is for another reference than the one it was started for.",
    "wrong_amount": "The amount is not the one that was asked for. Nothing was booked.",
    "wrong_currency": "The currency is not the one that was asked for. Nothing was booked.",
    "other_provider_id": "Another payment of the gateway has been recorded for this one already.",
}


@dataclass(frozen=True)
class DeliveriesPage:
    """Context of console/deliveries.html."""

    deliveries: Sequence[Delivery]
    counts: Mapping[DeliveryStatus, int]
    choices: Sequence[tuple[str, str, bool]]
    reasons: Mapping[str, str]
    older: str | None


@dataclass(frozen=True)
class DeliveryPage:
    """Context of console/delivery.html. `body` is the raw body as text, laid out when it is JSON."""

    delivery: Delivery
    payment: Payment | None
    body: str
    reason: str


@router.get("")
async def deliveries_page(
    request: Request, runtime: RuntimeDep, _operator: Operator, status: str = "", after: str = ""
) -> Response:
    wanted = DeliveryStatus(status) if status in list(DeliveryStatus) else None
    async with runtime.database.read() as tx:
        found = await payments.list_deliveries(tx, status=wanted, after=cursor("whd", after), limit=PAGE_SIZE)
        page = DeliveriesPage(
            deliveries=found,
            counts=await payments.delivery_counts(tx),
            choices=[
                ("/console/deliveries", "All", wanted is None),
                *((f"/console/deliveries?status={each}", each.capitalize(), each is wanted) for each in DeliveryStatus),
            ],
            reasons=WHY_PARKED,
            older=older_link("/console/deliveries", "whd", found, status=wanted or ""),
        )
    return render(request, "console/deliveries.html", page)


@router.get("/{delivery_id}")
async def delivery_page(request: Request, runtime: RuntimeDep, _operator: Operator, delivery_id: str) -> Response:
    async with runtime.database.read() as tx:
        delivery = await payments.delivery(tx, parse_public_id("whd", delivery_id))
        if delivery is None:
            raise payments.UnknownDelivery(f"there is no {delivery_id}")
        payment = await payments.payment(tx, delivery.payment_id) if delivery.payment_id else None
    reason = WHY_PARKED.get(delivery.park_reason, "") if delivery.park_reason else ""
    page = DeliveryPage(delivery, payment, laid_out(delivery.body), reason)
    return render(request, "console/delivery.html", page)


@router.post("/{delivery_id}/replay")
async def replay(runtime: RuntimeDep, person: Operator, delivery_id: str) -> Response:
    async with runtime.unit() as unit:
        await payments.replay_delivery(unit, parse_public_id("whd", delivery_id))
        await accounts.record_audit(unit, actor=person.actor, action="delivery.replayed", target=delivery_id)
    response = RedirectResponse(f"/console/deliveries/{delivery_id}", 303)
    flash(response, "The delivery is applied again in a moment.")
    return response


def laid_out(body: bytes) -> str:
    """A body for people to read. What is not JSON, or not even text, is shown as it is."""
    text = body.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
