"""Let a rejected event in after all: as it was kept, or corrected. Or say for good that it won't be."""

from __future__ import annotations

from uuid import UUID

from autorisen import accounts
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.unit import Unit
from autorisen.metering.decode import evidence, read_event, read_json
from autorisen.metering.errors import InvalidEvent
from autorisen.metering.ingest import ingest
from autorisen.metering.model import Event, Rejection, Status
from autorisen.metering.repairs import store
from autorisen.metering.repairs.errors import IdentityTaken, RejectionIsOver
from autorisen.metering.repairs.model import (
    REASON_LIMIT,
    RejectedEvent,
    RejectionStatus,
    Resolution,
    merge_patch,
)
from autorisen.metering.repairs.read_repairs import rejected_event


async def replay_event(
    unit: Unit,
    *,
    id: UUID,
    tenant: UUID | None,
    actor: str,
    reason: str,
    event: object = None,
    patch: object = None,
) -> RejectedEvent:
    """Send a rejected event through ingest again, as the tenant that sent it, and end its rejection.

    `event` takes the place of the kept body; `patch` changes parts of it (RFC 7396); without either it goes as it is.
    What was counted under its identity before, with the same content, counts as the event that it became. Raises
    `RejectionNotFound`, `RejectionIsOver`, `InvalidEvent` with the rule that it still breaks, `IdentityTaken`; then
    nothing is changed.
    """
    reason = checked_reason(reason)
    rejected = await lock_open(unit, id, tenant)
    item = read_event(_corrected(rejected, event, patch))
    if isinstance(item, Event):
        receipt = await ingest(unit, rejected.producer, [item])
        refused = receipt.results[0] if receipt.rejected or receipt.conflicts else None
        if refused is not None and refused.status is Status.CONFLICT:
            raise IdentityTaken("dismiss this one, or amend the event that counts")
        if refused is not None:
            raise _still_invalid(refused.field or "", refused.reason or "")
        changed = event is not None or patch is not None
        body = evidence(item).decode() if changed else None
        end = Resolution(RejectionStatus.REPLAYED, actor, reason, unit.now, item.source, item.id, body)
        await end_rejection(unit, rejected, end)
        return await rejected_event(unit.tx, tenant=tenant, id=id)
    raise _still_invalid(item.field, item.rule)


async def discard_event(unit: Unit, *, id: UUID, tenant: UUID | None, actor: str, reason: str) -> RejectedEvent:
    """Say that a rejected event stays out. Raises `RejectionNotFound`, `RejectionIsOver`."""
    reason = checked_reason(reason)
    rejected = await lock_open(unit, id, tenant)
    await end_rejection(unit, rejected, Resolution(RejectionStatus.DISCARDED, actor, reason, unit.now))
    return await rejected_event(unit.tx, tenant=tenant, id=id)


def checked_reason(reason: str) -> str:
    """Raises `InvalidInput`: whoever changes what counts says why, in a line."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > REASON_LIMIT or not reason.isprintable():
        rule = f"must say why, in 1 to {REASON_LIMIT} characters"
        raise InvalidInput(f"reason {rule}", errors=[FieldError("/reason", rule)])
    return reason


async def lock_open(unit: Unit, id: UUID, tenant: UUID | None) -> RejectedEvent:
    """The open rejection, which nobody else ends before this unit. Raises `RejectionNotFound`, `RejectionIsOver`."""
    await rejected_event(unit.tx, tenant=tenant, id=id)
    await store.lock_rejection(unit.tx, id)
    rejected = await rejected_event(unit.tx, tenant=tenant, id=id)
    if rejected.status is not RejectionStatus.OPEN:
        raise RejectionIsOver(f"it is {rejected.status}")
    return rejected


async def end_rejection(unit: Unit, rejected: RejectedEvent, end: Resolution) -> None:
    """Note the end, here and in the audit log. Raises `RejectionIsOver`."""
    if not await store.end_rejection(unit.tx, rejected, end):
        raise RejectionIsOver("load it again to see what became of it")
    detail = {"reason": end.reason, "source": end.source, "id": end.event_id}
    action = f"rejected_event.{end.outcome}"
    await accounts.record_audit(unit, actor=end.actor, action=action, target=rejected.public_id, detail=detail)


def read_kept(rejected: RejectedEvent) -> Event | Rejection:
    """The kept body as an event, as far as the rules that need no database can say."""
    return read_event(read_json(rejected.body.encode()))


def _corrected(rejected: RejectedEvent, event: object, patch: object) -> object:
    if event is not None and patch is not None:
        rule = "must be left out when `event` is given"
        raise InvalidInput(f"patch {rule}", errors=[FieldError("/patch", rule)])
    if event is not None:
        return event
    kept = read_json(rejected.body.encode())
    if patch is None:
        return kept
    if not isinstance(kept, dict) or not isinstance(patch, dict):
        rule = "must be a JSON object, and so must what was kept; send the whole `event` otherwise"
        raise InvalidInput(f"patch {rule}", errors=[FieldError("/patch", rule)])
    return merge_patch(kept, patch)


def _still_invalid(field: str, rule: str) -> InvalidEvent:
    return InvalidEvent(f"{field} {rule}".strip(), errors=[FieldError(field, rule)])
