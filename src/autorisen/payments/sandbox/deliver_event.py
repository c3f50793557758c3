"""Deliver an event to the merchant over HTTP, signed, again and again until it is accepted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from autorisen.kit.work import Lease, Retry
from autorisen.payments import standard_webhooks
from autorisen.payments.sandbox import store
from autorisen.payments.sandbox.gateway import webhook_secret

# About three days, like the providers that we stand in for; after that only the merchant's own look-up finds it.
DELIVERY_RETRY = Retry(attempts=20, base=timedelta(seconds=5), longest=timedelta(hours=6))

_SUCCESS = range(200, 300)


class NotAccepted(Exception):
    """The merchant did not answer with 2xx; the event is sent again."""


async def deliver_event(lease: Lease, payload: dict[str, Any]) -> None:
    """The leased job. Each attempt is signed anew with the present time. Raises `NotAccepted` to be tried again."""
    runtime = lease.runtime
    async with runtime.database.read() as tx:
        event = await store.event(tx, payload["event_id"])
    if event is None or event.delivered_at is not None:
        async with lease.finish():
            return
    secret = webhook_secret(runtime.settings)
    headers = standard_webhooks.sign(secret, event_id=event.id, at=runtime.wall.now(), body=event.body)
    headers["content-type"] = "application/json"
    url = f"{runtime.settings.base_url}/api/payments/webhooks/sandbox"
    status = await runtime.deliver_webhook(url, headers, event.body)
    if status not in _SUCCESS:
        async with runtime.unit() as unit:
            await store.count_attempt(unit.tx, event.id, status=status)
        raise NotAccepted(f"the merchant answered {status}")
    async with lease.finish() as unit:
        await store.mark_delivered(unit.tx, event.id, status=status, at=unit.now)
