"""Read rejected events and conflicts, page by page. `tenant` None means everybody's, which only operators read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.cursors import read_time_cursor, time_cursor
from autorisen.metering.repairs import store
from autorisen.metering.repairs.errors import ConflictNotFound, RejectionNotFound
from autorisen.metering.repairs.model import (
    BrokenRule,
    ConflictingEvent,
    ConflictStatus,
    RejectedEvent,
    RejectionStatus,
)

# So many of the newest open rejections say which rules are broken most.
RULES_LOOKED_AT = 10_000


@dataclass(frozen=True)
class RejectedPage:
    """One page, newest first; `next` is the cursor of the one after it."""

    events: tuple[RejectedEvent, ...]
    next: str | None


@dataclass(frozen=True)
class ConflictPage:
    """One page, newest first; `next` is the cursor of the one after it."""

    events: tuple[ConflictingEvent, ...]
    next: str | None


async def list_rejected(
    tx: Tx,
    *,
    tenant: UUID | None,
    status: RejectionStatus = RejectionStatus.OPEN,
    after: str | None = None,
    limit: int = 50,
) -> RejectedPage:
    ids = await store.rejected_ids(tx, tenant, status, read_time_cursor(after), limit + 1)
    found = await store.rejections(tx, tenant, ids[:limit])
    more = time_cursor(found[-1].last_received_at, found[-1].id) if len(ids) > limit and found else None
    return RejectedPage(tuple(found), more)


async def rejections_of_event(
    tx: Tx, *, tenant: UUID | None, event_id: str, limit: int = 50
) -> tuple[RejectedEvent, ...]:
    """What was refused under an event's id, whatever became of it."""
    ids = await store.rejected_ids_of_event(tx, tenant, event_id, limit)
    return tuple(await store.rejections(tx, tenant, ids))


async def rejected_event(tx: Tx, *, tenant: UUID | None, id: UUID) -> RejectedEvent:
    """Raises `RejectionNotFound`, also for another tenant's."""
    found = await store.rejections(tx, tenant, [id])
    if not found:
        raise RejectionNotFound("GET /api/events/rejected lists those that there are")
    return found[0]


async def broken_rules(tx: Tx, *, tenant: UUID | None, limit: int = 20) -> tuple[BrokenRule, ...]:
    """The rules that the newest open rejections break, the most frequent first."""
    return tuple(await store.broken_rules(tx, tenant, RULES_LOOKED_AT, limit))


async def list_conflicts(
    tx: Tx,
    *,
    tenant: UUID | None,
    status: ConflictStatus = ConflictStatus.OPEN,
    after: str | None = None,
    limit: int = 50,
) -> ConflictPage:
    ids = await store.conflict_ids(tx, tenant, status, read_time_cursor(after), limit + 1)
    found = await store.conflicts(tx, tenant, ids[:limit])
    more = time_cursor(found[-1].received_at, found[-1].id) if len(ids) > limit and found else None
    return ConflictPage(tuple(found), more)


async def conflicts_of_event(
    tx: Tx, *, tenant: UUID | None, event_id: str, source: str | None = None, limit: int = 50
) -> tuple[ConflictingEvent, ...]:
    """What was sent under an event's identity with other content, whatever was decided."""
    ids = await store.conflict_ids_of_event(tx, tenant, source, event_id, limit)
    return tuple(await store.conflicts(tx, tenant, ids))


async def conflicting_event(tx: Tx, *, tenant: UUID | None, id: UUID) -> ConflictingEvent:
    """Raises `ConflictNotFound`, also for another tenant's."""
    found = await store.conflicts(tx, tenant, [id])
    if not found:
        raise ConflictNotFound("GET /api/events/conflicts lists those that there are")
    return found[0]
