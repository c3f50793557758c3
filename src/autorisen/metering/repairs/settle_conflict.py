"""Decide a conflict: the first event goes on counting, or it is amended to what was sent later."""

from __future__ import annotations

from uuid import UUID

from autorisen import accounts
from autorisen.kit.unit import Unit
from autorisen.metering.corrections.correct_events import correct_events
from autorisen.metering.corrections.model import Correction
from autorisen.metering.decode import exact_json, new_event
from autorisen.metering.model import Event
from autorisen.metering.repairs import store
from autorisen.metering.repairs.errors import ConflictIsOver
from autorisen.metering.repairs.model import ConflictingEvent, ConflictStatus, Resolution
from autorisen.metering.repairs.read_repairs import conflicting_event
from autorisen.metering.repairs.repair_event import checked_reason


async def dismiss_conflict(unit: Unit, *, id: UUID, tenant: UUID | None, actor: str, reason: str) -> ConflictingEvent:
    """Say that the event that counts is right. Raises `ConflictNotFound`, `ConflictIsOver`."""
    reason = checked_reason(reason)
    conflict = await _lock_open(unit, id, tenant)
    await _end(unit, conflict, Resolution(ConflictStatus.DISMISSED, actor, reason, unit.now))
    return await conflicting_event(unit.tx, tenant=tenant, id=id)


async def take_conflict(unit: Unit, *, id: UUID, actor: str, reason: str) -> ConflictingEvent:
    """Let what was sent later count from now on, as a correction of the event. For operators: it changes the bill.

    Raises `ConflictNotFound`, `ConflictIsOver`, and `CorrectionRefused` with the rule that what was sent breaks by now.
    """
    reason = checked_reason(reason)
    conflict = await _lock_open(unit, id, None)
    correction = Correction(conflict.tenant, conflict.source, conflict.event_id, "amend", reason, _later(conflict))
    await correct_events(unit, actor=actor, corrections=[correction])
    await _end(unit, conflict, Resolution(ConflictStatus.AMENDED, actor, reason, unit.now))
    return await conflicting_event(unit.tx, tenant=None, id=id)


def _later(conflict: ConflictingEvent) -> Event:
    """The event as it was sent later. It was valid when it was kept, so it can be read again."""
    sent = conflict.sent
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": conflict.event_id,
        "source": conflict.source,
        "type": sent.type,
        "subject": sent.subject,
        "data": exact_json(sent.data_json.encode()),
    }
    if sent.time is not None:
        attributes["time"] = sent.time.isoformat()
    return new_event(attributes)


async def _lock_open(unit: Unit, id: UUID, tenant: UUID | None) -> ConflictingEvent:
    await conflicting_event(unit.tx, tenant=tenant, id=id)
    await store.lock_conflict(unit.tx, id)
    conflict = await conflicting_event(unit.tx, tenant=tenant, id=id)
    if conflict.status is not ConflictStatus.OPEN:
        raise ConflictIsOver(f"it is {conflict.status}")
    return conflict


async def _end(unit: Unit, conflict: ConflictingEvent, end: Resolution) -> None:
    if not await store.end_conflict(unit.tx, conflict, end):
        raise ConflictIsOver("load it again to see what was decided")
    detail = {"reason": end.reason, "source": conflict.source, "id": conflict.event_id}
    action = f"conflict.{end.outcome}"
    await accounts.record_audit(unit, actor=end.actor, action=action, target=conflict.public_id, detail=detail)
