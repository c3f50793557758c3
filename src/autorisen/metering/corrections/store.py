"""The SQL of corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.metering.corrections.model import Adjustment, Content, CorrectedUsage, Correction, Revision, Standing

Identity = tuple[UUID, str, str]

SELECT_STANDING = """
SELECT event.tenant, event.source, event.event_id, event.type, event.subject, event.customer_id, event.occurred_at,
    event.data::text, coalesce(newest.revision, 0), newest.kind, newest.type, newest.subject, newest.customer_id,
    newest.occurred_at, newest.data
FROM unnest(%(tenants)s::uuid[], %(sources)s::text[], %(ids)s::text[]) AS asked (tenant, source, event_id)
JOIN metering.events AS event USING (tenant, source, event_id)
LEFT JOIN LATERAL (
    SELECT revision, kind, type, subject, customer_id, occurred_at, data::text AS data FROM metering.corrections
    WHERE corrections.tenant = event.tenant AND corrections.source = event.source
        AND corrections.event_id = event.event_id
    ORDER BY revision DESC LIMIT 1
) AS newest ON true
"""

INSERT_CORRECTIONS = """
INSERT INTO metering.corrections
    (tenant, source, event_id, revision, kind, actor, reason, corrected_at, call_id, backfill_id, type, subject,
    customer_id, occurred_at, data, was_customer_id)
SELECT tenant, source, event_id, revision, kind, %(actor)s, reason, %(now)s, %(call_id)s, %(backfill_id)s::uuid, type,
    subject, customer_id, occurred_at, data::json, was_customer_id
FROM unnest(%(tenants)s::uuid[], %(sources)s::text[], %(ids)s::text[], %(revisions)s::int[], %(kinds)s::text[],
    %(reasons)s::text[], %(types)s::text[], %(subjects)s::text[], %(customers)s::uuid[], %(times)s::timestamptz[],
    %(datas)s::text[], %(owners)s::uuid[]
) AS made (tenant, source, event_id, revision, kind, reason, type, subject, customer_id, occurred_at, data,
    was_customer_id)
"""

INSERT_ADJUSTMENTS = """
INSERT INTO metering.adjustments (call_id, meter, customer_id, hour, dimensions, before, after, adjusted_at)
SELECT %(call_id)s, meter, customer_id, hour, dimensions, before, after, %(now)s
FROM unnest(%(meters)s::text[], %(customers)s::uuid[], %(hours)s::timestamptz[], %(dimensions)s::text[],
    %(befores)s::numeric[], %(afters)s::numeric[]
) AS changed (meter, customer_id, hour, dimensions, before, after)
"""

SELECT_REVISIONS = """
SELECT revision, kind, actor, reason, corrected_at, call_id, type, subject, customer_id, occurred_at, data::text
FROM metering.corrections
WHERE tenant = %(tenant)s AND source = %(source)s AND event_id = %(id)s ORDER BY revision
"""

# Newest first, from a place on. What a backfill takes back or brings in again is one row for each call: its events are
# thousands, and nobody chose them one by one.
CORRECTIONS_OF_CUSTOMER = """
WITH concerned AS (
    SELECT * FROM metering.corrections WHERE was_customer_id = %(customer_id)s::uuid
    UNION ALL
    SELECT * FROM metering.corrections
    WHERE customer_id = %(customer_id)s::uuid AND (customer_id <> was_customer_id OR was_customer_id IS NULL)
), told AS (
    SELECT md5(concat_ws(chr(31), tenant, source, event_id, revision))::uuid AS id, corrected_at, kind, actor, reason,
        tenant, source, event_id, 1 AS events
    FROM concerned WHERE backfill_id IS NULL
    UNION ALL
    SELECT call_id, corrected_at, kind, actor, reason, (min(tenant::text))::uuid, min(source), min(event_id),
        count(*)::int
    FROM concerned WHERE backfill_id IS NOT NULL
    GROUP BY call_id, corrected_at, kind, actor, reason
)
SELECT id, corrected_at AS at, kind, actor, reason, tenant, source, event_id, events FROM told
WHERE (corrected_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY corrected_at DESC, id DESC LIMIT %(limit)s
"""


async def select_standing(tx: Tx, identities: Sequence[Identity]) -> dict[Identity, Standing]:
    """How these events stand; one that was never stored is left out."""
    cursor = await tx.execute(
        SELECT_STANDING,
        {
            "tenants": [tenant for tenant, _, _ in identities],
            "sources": [source for _, source, _ in identities],
            "ids": [id for _, _, id in identities],
        },
    )
    return {(row[0], row[1], row[2]): _standing(row[3:]) for row in await cursor.fetchall()}


def _standing(row: Sequence[Any]) -> Standing:
    sent, revision, kind = Content(*row[:5]), row[5], row[6]
    if kind is None:
        return Standing(sent, sent, revision)
    return Standing(sent, Content(*row[7:]) if kind == "amend" else None, revision)


async def insert_corrections(
    tx: Tx,
    made: Sequence[tuple[Correction, int, Content | None]],
    owners: Sequence[UUID | None],
    *,
    actor: str,
    call_id: UUID,
    backfill_id: UUID | None,
    now: datetime,
) -> None:
    """Keep these corrections, each with its revision and what the event says from now on (None: nothing).

    `owners` are the customers for whom each counted until now.
    """
    await tx.execute(
        INSERT_CORRECTIONS,
        {
            "actor": actor,
            "call_id": call_id,
            "backfill_id": backfill_id,
            "now": now,
            "tenants": [correction.tenant for correction, _, _ in made],
            "sources": [correction.source for correction, _, _ in made],
            "ids": [correction.id for correction, _, _ in made],
            "revisions": [revision for _, revision, _ in made],
            "kinds": [correction.kind for correction, _, _ in made],
            "reasons": [correction.reason for correction, _, _ in made],
            "types": [content and content.type for _, _, content in made],
            "subjects": [content and content.subject for _, _, content in made],
            "customers": [content and content.customer_id for _, _, content in made],
            "times": [content and content.occurred_at for _, _, content in made],
            "owners": list(owners),
            "datas": [content and content.data_json for _, _, content in made],
        },
    )


async def insert_adjustments(tx: Tx, changed: Sequence[Adjustment], *, call_id: UUID, now: datetime) -> None:
    values: Mapping[str, object] = {
        "call_id": call_id,
        "now": now,
        "meters": [each.meter for each in changed],
        "customers": [each.customer_id for each in changed],
        "hours": [each.hour for each in changed],
        "dimensions": [each.dimensions for each in changed],
        "befores": [each.before for each in changed],
        "afters": [each.after for each in changed],
    }
    await tx.execute(INSERT_ADJUSTMENTS, values)


async def select_revisions(tx: Tx, identity: Identity) -> list[Revision]:
    """All corrections of one event, the first one first."""
    tenant, source, id = identity
    cursor = await tx.execute(SELECT_REVISIONS, {"tenant": tenant, "source": source, "id": id})
    return [
        Revision(revision, kind, actor, reason, at, call_id, Content(*content) if kind == "amend" else None)
        for revision, kind, actor, reason, at, call_id, *content in await cursor.fetchall()
    ]


async def corrections_of_customer(
    tx: Tx, customer_id: UUID, *, before: tuple[datetime, UUID], limit: int
) -> list[CorrectedUsage]:
    """What changed a customer's usage before a place, newest first."""
    values = {"customer_id": customer_id, "before_at": before[0], "before_id": before[1], "limit": limit}
    async with tx.cursor(row_factory=class_row(CorrectedUsage)) as cursor:
        return await (await cursor.execute(CORRECTIONS_OF_CUSTOMER, values)).fetchall()
