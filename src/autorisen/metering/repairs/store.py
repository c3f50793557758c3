"""The SQL of repairing: rejected events, conflicts, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.repairs.model import (
    BrokenRule,
    ConflictingEvent,
    ConflictStatus,
    Content,
    RejectedEvent,
    RejectionStatus,
    Resolution,
)

Place = tuple[datetime, UUID]

# Of lists only the ids are read, each from an index of its own (..._status, or ..._tenant for one tenant), and never
# more than a page; the rows come by their ids.
SELECT_REJECTED_IDS = """
SELECT id FROM metering.rejected_events
WHERE status = %(status)s AND (%(at)s::timestamptz IS NULL OR (last_received_at, id) < (%(at)s, %(id)s::uuid))
ORDER BY last_received_at DESC, id DESC LIMIT %(limit)s
"""
SELECT_TENANT_REJECTED_IDS = """
SELECT id FROM metering.rejected_events
WHERE tenant = %(tenant)s::uuid AND status = %(status)s
    AND (%(at)s::timestamptz IS NULL OR (last_received_at, id) < (%(at)s, %(id)s::uuid))
ORDER BY last_received_at DESC, id DESC LIMIT %(limit)s
"""
SELECT_REJECTED_IDS_OF_EVENT = """
SELECT id FROM metering.rejected_events
WHERE event_id = %(event_id)s AND (%(tenant)s::uuid IS NULL OR tenant = %(tenant)s)
ORDER BY last_received_at DESC, id DESC LIMIT %(limit)s
"""
# Ordered by id, so that two people who mend at the same time wait for each other and never in a circle.
LOCK_OPEN_OF_RULE = """
SELECT id FROM metering.rejected_events
WHERE status = 'open' AND field = %(field)s AND rule = %(rule)s AND id > %(after)s::uuid
ORDER BY id LIMIT %(limit)s FOR UPDATE
"""
LOCK_TENANT_OPEN_OF_RULE = """
SELECT id FROM metering.rejected_events
WHERE status = 'open' AND tenant = %(tenant)s::uuid AND field = %(field)s AND rule = %(rule)s
    AND id > %(after)s::uuid
ORDER BY id LIMIT %(limit)s FOR UPDATE
"""
LOCK_REJECTION = "SELECT id FROM metering.rejected_events WHERE id = %(id)s::uuid FOR UPDATE"

SELECT_REJECTIONS = """
SELECT rejected.id, tenant, rejected.event_id, field, rule, rejected.body, times, first_received_at, last_received_at,
    status, outcome, actor, reason, repaired_at, repair.source, repair.event_id, repair.body
FROM metering.rejected_events AS rejected LEFT JOIN metering.repairs AS repair USING (tenant, digest)
WHERE rejected.id = ANY (%(ids)s::uuid[]) AND (%(tenant)s::uuid IS NULL OR tenant = %(tenant)s)
"""

END_REJECTION = """
WITH ended AS (
    UPDATE metering.rejected_events SET status = %(outcome)s
    WHERE id = %(id)s::uuid AND tenant = %(tenant)s::uuid AND status = 'open'
    RETURNING tenant, digest
)
INSERT INTO metering.repairs (tenant, digest, outcome, source, event_id, body, actor, reason, repaired_at)
SELECT tenant, digest, %(outcome)s, %(source)s::text, %(event_id)s::text, %(body)s::bytea, %(actor)s, %(reason)s,
    %(at)s::timestamptz
FROM ended
"""

# Of the newest open rejections only, so that a flood of them does not make the page slow.
SELECT_BROKEN_RULES = """
SELECT field, rule, count(*), sum(times)::bigint, max(last_received_at)
FROM (
    SELECT field, rule, times, last_received_at FROM metering.rejected_events WHERE status = 'open'
    ORDER BY last_received_at DESC, id DESC LIMIT %(looked_at)s
) AS newest
GROUP BY field, rule ORDER BY count(*) DESC, field, rule LIMIT %(limit)s
"""
SELECT_TENANT_BROKEN_RULES = """
SELECT field, rule, count(*), sum(times)::bigint, max(last_received_at)
FROM (
    SELECT field, rule, times, last_received_at FROM metering.rejected_events
    WHERE tenant = %(tenant)s::uuid AND status = 'open'
    ORDER BY last_received_at DESC, id DESC LIMIT %(looked_at)s
) AS newest
GROUP BY field, rule ORDER BY count(*) DESC, field, rule LIMIT %(limit)s
"""

SELECT_CONFLICT_IDS = """
SELECT id FROM metering.conflicts
WHERE status = %(status)s AND (%(at)s::timestamptz IS NULL OR (received_at, id) < (%(at)s, %(id)s::uuid))
ORDER BY received_at DESC, id DESC LIMIT %(limit)s
"""
SELECT_TENANT_CONFLICT_IDS = """
SELECT id FROM metering.conflicts
WHERE tenant = %(tenant)s::uuid AND status = %(status)s
    AND (%(at)s::timestamptz IS NULL OR (received_at, id) < (%(at)s, %(id)s::uuid))
ORDER BY received_at DESC, id DESC LIMIT %(limit)s
"""
SELECT_CONFLICT_IDS_OF_EVENT = """
SELECT id FROM metering.conflicts
WHERE event_id = %(event_id)s AND (%(tenant)s::uuid IS NULL OR tenant = %(tenant)s)
    AND (%(source)s::text IS NULL OR source = %(source)s)
ORDER BY received_at DESC, id DESC LIMIT %(limit)s
"""
LOCK_CONFLICT = "SELECT id FROM metering.conflicts WHERE id = %(id)s::uuid FOR UPDATE"

SELECT_CONFLICTS = """
SELECT conflict.id, tenant, source, event_id, conflict.type, conflict.subject, conflict.occurred_at,
    conflict.data::text, coalesce(conflict.extensions::text, ''), kept.type, kept.subject,
    CASE WHEN kept.timed THEN kept.occurred_at END, kept.data::text, coalesce(kept.extensions::text, ''),
    kept.customer_id, conflict.received_at, conflict.status, outcome, actor, reason, decided_at
FROM metering.conflicts AS conflict
JOIN metering.events AS kept USING (tenant, source, event_id)
LEFT JOIN metering.conflict_decisions USING (tenant, source, event_id, digest)
WHERE conflict.id = ANY (%(ids)s::uuid[]) AND (%(tenant)s::uuid IS NULL OR tenant = %(tenant)s)
"""

END_CONFLICT = """
WITH ended AS (
    UPDATE metering.conflicts SET status = %(outcome)s
    WHERE id = %(id)s::uuid AND tenant = %(tenant)s::uuid AND status = 'open'
    RETURNING tenant, source, event_id, digest
)
INSERT INTO metering.conflict_decisions (tenant, source, event_id, digest, outcome, actor, reason, decided_at)
SELECT tenant, source, event_id, digest, %(outcome)s, %(actor)s, %(reason)s, %(at)s::timestamptz FROM ended
"""


async def rejected_ids(tx: Tx, tenant: UUID | None, status: str, after: Place | None, limit: int) -> list[UUID]:
    """The newest first; those of every tenant when `tenant` is None."""
    at, id = after or (None, None)
    values = {"tenant": tenant, "status": status, "at": at, "id": id, "limit": limit}
    cursor = await tx.execute(SELECT_TENANT_REJECTED_IDS if tenant else SELECT_REJECTED_IDS, values)
    return [row[0] for row in await cursor.fetchall()]


async def rejected_ids_of_event(tx: Tx, tenant: UUID | None, event_id: str, limit: int) -> list[UUID]:
    values = {"tenant": tenant, "event_id": event_id, "limit": limit}
    return [row[0] for row in await (await tx.execute(SELECT_REJECTED_IDS_OF_EVENT, values)).fetchall()]


async def lock_open_of_rule(tx: Tx, tenant: UUID | None, field: str, rule: str, after: UUID, limit: int) -> list[UUID]:
    """Open rejections of one rule, in the order of their ids; nobody else ends them before this transaction."""
    values = {"tenant": tenant, "field": field, "rule": rule, "after": after, "limit": limit}
    cursor = await tx.execute(LOCK_TENANT_OPEN_OF_RULE if tenant else LOCK_OPEN_OF_RULE, values)
    return [row[0] for row in await cursor.fetchall()]


async def lock_rejection(tx: Tx, id: UUID) -> None:
    await tx.execute(LOCK_REJECTION, {"id": id})


async def rejections(tx: Tx, tenant: UUID | None, ids: Sequence[UUID]) -> list[RejectedEvent]:
    """Those of the ids that there are, in their order, with what became of them."""
    cursor = await tx.execute(SELECT_REJECTIONS, {"ids": list(ids), "tenant": tenant})
    found = {row[0]: _rejection(row) for row in await cursor.fetchall()}
    return [found[id] for id in ids if id in found]


def _rejection(row: Sequence[Any]) -> RejectedEvent:
    id, tenant, event_id, field, rule, body, times, first, last, status = row[:10]
    outcome, actor, reason, at, source, became, sent = row[10:]
    resolution = None
    if outcome is not None:
        resolution = Resolution(outcome, actor, reason, at, source, became, None if sent is None else _text(sent))
    return RejectedEvent(
        id, tenant, event_id, field, rule, _text(body), times, first, last, RejectionStatus(status), resolution
    )


def _text(body: bytes) -> str:
    return bytes(body).decode(errors="replace")


async def end_rejection(tx: Tx, rejected: RejectedEvent, end: Resolution) -> bool:
    """Note what became of an open rejection; False when it was over before."""
    values = {
        "id": rejected.id,
        "tenant": rejected.tenant,
        "outcome": end.outcome,
        "source": end.source,
        "event_id": end.event_id,
        "body": None if end.body is None else end.body.encode(),
        "actor": end.actor,
        "reason": end.reason,
        "at": end.at,
    }
    return (await tx.execute(END_REJECTION, values)).rowcount == 1


async def broken_rules(tx: Tx, tenant: UUID | None, looked_at: int, limit: int) -> list[BrokenRule]:
    values = {"tenant": tenant, "looked_at": looked_at, "limit": limit}
    cursor = await tx.execute(SELECT_TENANT_BROKEN_RULES if tenant else SELECT_BROKEN_RULES, values)
    return [BrokenRule(*row) for row in await cursor.fetchall()]


async def conflict_ids(tx: Tx, tenant: UUID | None, status: str, after: Place | None, limit: int) -> list[UUID]:
    """The newest first; those of every tenant when `tenant` is None."""
    at, id = after or (None, None)
    values = {"tenant": tenant, "status": status, "at": at, "id": id, "limit": limit}
    cursor = await tx.execute(SELECT_TENANT_CONFLICT_IDS if tenant else SELECT_CONFLICT_IDS, values)
    return [row[0] for row in await cursor.fetchall()]


async def conflict_ids_of_event(
    tx: Tx, tenant: UUID | None, source: str | None, event_id: str, limit: int
) -> list[UUID]:
    values = {"tenant": tenant, "source": source, "event_id": event_id, "limit": limit}
    return [row[0] for row in await (await tx.execute(SELECT_CONFLICT_IDS_OF_EVENT, values)).fetchall()]


async def lock_conflict(tx: Tx, id: UUID) -> None:
    await tx.execute(LOCK_CONFLICT, {"id": id})


async def conflicts(tx: Tx, tenant: UUID | None, ids: Sequence[UUID]) -> list[ConflictingEvent]:
    """Those of the ids that there are, in their order, each beside the event that counts."""
    cursor = await tx.execute(SELECT_CONFLICTS, {"ids": list(ids), "tenant": tenant})
    found = {row[0]: _conflict(row) for row in await cursor.fetchall()}
    return [found[id] for id in ids if id in found]


def _conflict(row: Sequence[Any]) -> ConflictingEvent:
    id, tenant, source, event_id = row[:4]
    customer_id, received_at, status, outcome, actor, reason, at = row[14:]
    return ConflictingEvent(
        id=id,
        tenant=tenant,
        source=source,
        event_id=event_id,
        sent=Content(*row[4:9]),
        kept=Content(*row[9:14]),
        customer_id=customer_id,
        received_at=received_at,
        status=ConflictStatus(status),
        resolution=None if outcome is None else Resolution(outcome, actor, reason, at, source, event_id),
    )


async def end_conflict(tx: Tx, conflict: ConflictingEvent, end: Resolution) -> bool:
    """Note what was decided of an open conflict; False when it was over before."""
    values = {
        "id": conflict.id,
        "tenant": conflict.tenant,
        "outcome": end.outcome,
        "actor": end.actor,
        "reason": end.reason,
        "at": end.at,
    }
    return (await tx.execute(END_CONFLICT, values)).rowcount == 1
