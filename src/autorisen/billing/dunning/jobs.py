"""Background entries of dunning: thin, each calls a verb."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from autorisen.billing.dunning import store
from autorisen.billing.dunning.take_step import STEP_KIND, begin_dunning, take_step
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring, enqueue

OVERDUE_KIND = "billing.find_overdue"
_AT_ONCE = 200


async def _take_step(unit: Unit, payload: dict[str, Any]) -> None:
    await take_step(unit, UUID(payload["invoice_id"]))


async def find_overdue(unit: Unit, payload: dict[str, Any]) -> None:
    """Begin with invoices that became overdue; as many as a transaction should hold, then again."""
    found = await store.overdue(unit.tx, unit.now, _AT_ONCE)
    for invoice_id in found:
        invoice = await lock_invoice(unit.tx, invoice_id)
        assert invoice is not None, "invoices are never deleted"
        await begin_dunning(unit, invoice, first_charge_failed=False)
    if len(found) == _AT_ONCE:
        await enqueue(unit, OVERDUE_KIND)


DUNNING_JOBS = (Job(STEP_KIND, _take_step), Job(OVERDUE_KIND, find_overdue))
DUNNING_SCHEDULE = Recurring(OVERDUE_KIND, OVERDUE_KIND, timedelta(days=1), timedelta(hours=6))
