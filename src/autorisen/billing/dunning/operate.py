"""What an operator does about an unpaid invoice: pause the chase, resume it, try the saved method now."""

from __future__ import annotations

from uuid import UUID

from autorisen import accounts
from autorisen.billing.dunning import store
from autorisen.billing.dunning.errors import CannotRetry, DunningNotFound, DunningOver, DunningPaused
from autorisen.billing.dunning.model import Dunning, pause, resume
from autorisen.billing.dunning.take_step import enqueue_step, note, try_charge
from autorisen.billing.lock_invoice import lock_invoice
from autorisen.billing.model import Invoice, InvoiceStatus
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit


async def pause_dunning(unit: Unit, invoice_id: UUID, *, actor: str) -> None:
    """Let nothing happen until it is resumed. Paused twice, nothing changes. Raises what `retry_now` raises."""
    _, dunning = await _running(unit, invoice_id)
    if dunning.paused_at is None:
        await store.update_dunning(unit.tx, pause(dunning, actor, unit.now))
        await _keep(unit, dunning, "paused", actor)


async def resume_dunning(unit: Unit, invoice_id: UUID, *, actor: str) -> None:
    """Go on where it was paused; what runs is left running. Raises `DunningNotFound`, `DunningOver`."""
    _, dunning = await _running(unit, invoice_id)
    if dunning.paused_at is not None:
        after = resume(dunning, unit.now)
        await store.update_dunning(unit.tx, after)
        await _keep(unit, dunning, "resumed", actor)
        await enqueue_step(unit, after)


async def retry_now(unit: Unit, invoice_id: UUID, *, actor: str) -> None:
    """Charge the saved method now, outside of the schedule, which stays as it is.

    Raises `DunningNotFound`, `DunningOver`, `DunningPaused`, and `CannotRetry` where a charge can't help.
    """
    invoice, dunning = await _running(unit, invoice_id)
    if dunning.paused_at is not None:
        raise DunningPaused("resume it first")
    _kind, reason, payment_id = await try_charge(unit, invoice)
    if payment_id is None:
        raise CannotRetry(reason)
    await _keep(unit, dunning, "charged", actor, payment_id=payment_id)


async def _running(unit: Unit, invoice_id: UUID) -> tuple[Invoice, Dunning]:
    invoice = await lock_invoice(unit.tx, invoice_id)
    dunning = await store.find_dunning(unit.tx, invoice_id, lock=True)
    if invoice is None or dunning is None:
        raise DunningNotFound(f"{public_id('inv', invoice_id)} was never overdue")
    if dunning.ended_at is not None or invoice.status is not InvoiceStatus.OPEN:
        raise DunningOver(f"{invoice.number} is {invoice.status}")
    return invoice, dunning


async def _keep(unit: Unit, dunning: Dunning, kind: str, actor: str, *, payment_id: UUID | None = None) -> None:
    await note(unit, dunning, kind, "by hand", actor=actor, payment_id=payment_id)
    await accounts.record_audit(unit, actor=actor, action=f"dunning.{kind}", target=dunning.public_id, detail={})
