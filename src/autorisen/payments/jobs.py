"""The background work of payments, as rows for the worker's table."""

from __future__ import annotations

from datetime import timedelta

import structlog

from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring, Retry
from autorisen.payments.charge_saved_method import CHARGE_KIND, perform_charge
from autorisen.payments.facts import DeliveryParked
from autorisen.payments.inbox.apply_delivery import apply_delivery
from autorisen.payments.inbox.receive_webhook import APPLY_KIND
from autorisen.payments.reconcile_payments import (
    RECONCILE_KIND,
    REFRESH_KIND,
    reconcile_payments,
    refresh_payment,
)
from autorisen.payments.refund_payment import REFUND_KIND, perform_refund
from autorisen.payments.sandbox.deliver_event import DELIVERY_RETRY, deliver_event
from autorisen.payments.sandbox.provider import DECIDE_KIND, DELIVER_KIND, DISPUTE_KIND, decide_dispute, dispute

log = structlog.get_logger(__name__)

# A gateway may be away for hours; giving up early would leave money in doubt.
_GATEWAY_RETRY = Retry(attempts=12, base=timedelta(seconds=5), longest=timedelta(hours=2))

JOBS = (
    Job(CHARGE_KIND, perform_charge, mode="leased", retry=_GATEWAY_RETRY),
    Job(REFUND_KIND, perform_refund, mode="leased", retry=_GATEWAY_RETRY),
    Job(APPLY_KIND, apply_delivery, mode="leased", retry=_GATEWAY_RETRY),
    Job(REFRESH_KIND, refresh_payment, mode="leased"),
    Job(RECONCILE_KIND, reconcile_payments, mode="leased"),
    Job(DELIVER_KIND, deliver_event, mode="leased", retry=DELIVERY_RETRY),
    Job(DISPUTE_KIND, dispute),
    Job(DECIDE_KIND, decide_dispute),
)

SCHEDULE = (Recurring("payments.reconcile", RECONCILE_KIND, every=timedelta(minutes=15)),)


async def on_delivery_parked(unit: Unit, fact: DeliveryParked) -> None:
    """Alert: an operator has to look at it (docs/playbooks/failed-webhook.md)."""
    log.error("delivery.parked", delivery_id=str(fact.delivery_id), gateway=fact.gateway, reason=fact.reason)
