"""The SQL of control totals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.control_totals.model import (
    ControlTotal,
    Listing,
    MissingEvent,
    Place,
    Reason,
    Tally,
    signed,
    unsigned,
)

_HOUR = timedelta(hours=1)

# Two revisions at once would both be the next one.
LOCK_TENANT = "SELECT pg_advisory_xact_lock(8, hashtext(%(tenant)s::text))"

# A total that says what is known already gets no new revision.
INSERT_TOTALS = """
INSERT INTO metering.control_totals (tenant, source, hour, producer, revision, events, digest, actor, sent_at)
SELECT %(tenant)s::uuid, told.source, told.hour, told.producer, coalesce(known.revision, 0) + 1, told.events,
    told.digest, %(actor)s, %(now)s
FROM unnest(%(sources)s::text[], %(hours)s::timestamptz[], %(producers)s::text[], %(events)s::bigint[],
    %(digests)s::bigint[]) AS told (source, hour, producer, events, digest)
LEFT JOIN LATERAL (
    SELECT revision, events, digest FROM metering.control_totals AS total
    WHERE total.hour = told.hour AND total.tenant = %(tenant)s::uuid AND total.source = told.source
        AND total.producer = told.producer
    ORDER BY revision DESC LIMIT 1
) AS known ON true
WHERE known.revision IS NULL OR (known.events, known.digest) IS DISTINCT FROM (told.events, told.digest)
"""

LATEST_TOTALS = """
SELECT DISTINCT ON (total.hour, total.source, total.producer)
    total.source, total.hour, total.producer, total.events, total.digest, total.revision
FROM metering.control_totals AS total
JOIN unnest(%(sources)s::text[], %(hours)s::timestamptz[]) AS told (source, hour) USING (source, hour)
WHERE total.tenant = %(tenant)s::uuid
ORDER BY total.hour, total.source, total.producer, total.revision DESC
"""

# The digest as control_totals/model.py has it. Hour by hour through the index by time.
TALLY = """
SELECT place.tenant, place.source, place.hour, found.events, coalesce(found.digest, 0)
FROM unnest(%(tenants)s::uuid[], %(sources)s::text[], %(hours)s::timestamptz[]) AS place (tenant, source, hour)
CROSS JOIN LATERAL (
    SELECT count(*) AS events,
        bit_xor(('x' || encode(substring(sha256(convert_to(event_id, 'UTF8')) FOR 8), 'hex'))::bit(64)::bigint)
            AS digest
    FROM metering.events
    WHERE occurred_at >= place.hour AND occurred_at < place.hour + interval '1 hour'
        AND tenant = place.tenant AND source = place.source
) AS found
"""

# What is known of each listed id that is not stored in the hour.
SELECT_MISSING = """
SELECT listed.id, stored.event_id IS NOT NULL,
    EXISTS (SELECT FROM metering.conflicts AS conflict
        WHERE (conflict.tenant, conflict.source, conflict.event_id) = (%(tenant)s::uuid, %(source)s, listed.id)),
    EXISTS (SELECT FROM metering.rejected_events AS rejected
        WHERE rejected.event_id = listed.id AND rejected.tenant = %(tenant)s::uuid)
FROM unnest(%(ids)s::text[]) AS listed (id)
LEFT JOIN metering.events AS stored
    ON stored.tenant = %(tenant)s::uuid AND stored.source = %(source)s AND stored.event_id = listed.id
WHERE stored.event_id IS NULL OR stored.occurred_at < %(hour)s OR stored.occurred_at >= %(end)s
"""

SELECT_UNEXPECTED = """
SELECT event_id FROM metering.events
WHERE occurred_at >= %(hour)s AND occurred_at < %(end)s AND tenant = %(tenant)s::uuid AND source = %(source)s
    AND event_id COLLATE "C" > %(after)s AND (%(through)s::text IS NULL OR event_id COLLATE "C" <= %(through)s)
    AND NOT event_id = ANY (%(ids)s::text[])
ORDER BY event_id COLLATE "C" LIMIT %(limit)s
"""

SELECT_PRODUCERS = """
SELECT DISTINCT producer FROM metering.control_totals
WHERE hour = %(hour)s AND tenant = %(tenant)s::uuid AND source = %(source)s
"""

INSERT_FINDINGS = """
INSERT INTO metering.control_findings (hour, tenant, source, producer, event_id, kind, found_at)
SELECT %(hour)s, %(tenant)s::uuid, %(source)s, %(producer)s, id, kind, %(now)s
FROM unnest(%(ids)s::text[], %(kinds)s::text[]) AS found (id, kind)
ON CONFLICT DO NOTHING
"""


async def lock_tenant(tx: Tx, tenant: UUID) -> None:
    await tx.execute(LOCK_TENANT, {"tenant": tenant})


async def insert_totals(tx: Tx, tenant: UUID, totals: Sequence[ControlTotal], actor: str, now: datetime) -> None:
    """Keep what is new of these totals, each with the next revision."""
    await tx.execute(
        INSERT_TOTALS,
        {
            "tenant": tenant,
            "actor": actor,
            "now": now,
            "sources": [total.source for total in totals],
            "hours": [total.hour for total in totals],
            "producers": [total.producer for total in totals],
            "events": [total.events for total in totals],
            "digests": [signed(total.digest) for total in totals],
        },
    )


async def latest_totals(
    tx: Tx, tenant: UUID, spots: Collection[tuple[str, datetime]]
) -> dict[tuple[str, datetime], list[tuple[ControlTotal, int]]]:
    """By source and hour: what each producer said last, with its revision."""
    ordered = sorted(spots)
    values = {"tenant": tenant, "sources": [each[0] for each in ordered], "hours": [each[1] for each in ordered]}
    found: dict[tuple[str, datetime], list[tuple[ControlTotal, int]]] = {}
    for source, hour, producer, events, digest, revision in await (await tx.execute(LATEST_TOTALS, values)).fetchall():
        total = ControlTotal(source, hour, producer, events, unsigned(digest))
        found.setdefault((source, hour), []).append((total, revision))
    return found


async def tallies(tx: Tx, places: Sequence[Place]) -> dict[Place, Tally]:
    """What is stored of these sources and hours, as it was sent, corrected or not."""
    values = {
        "tenants": [place.tenant for place in places],
        "sources": [place.source for place in places],
        "hours": [place.hour for place in places],
    }
    rows = await (await tx.execute(TALLY, values)).fetchall()
    return {
        Place(tenant, source, hour): Tally(events, unsigned(digest)) for tenant, source, hour, events, digest in rows
    }


def _listing(tenant: UUID, listing: Listing) -> dict[str, object]:
    return {
        "tenant": tenant,
        "source": listing.source,
        "hour": listing.hour,
        "end": listing.hour + _HOUR,
        "ids": list(listing.ids),
        "after": listing.after,
        "through": listing.through,
        "producer": listing.producer,
    }


async def missing_events(tx: Tx, tenant: UUID, listing: Listing) -> list[MissingEvent]:
    rows = await (await tx.execute(SELECT_MISSING, _listing(tenant, listing))).fetchall()
    found = []
    for id, is_stored, is_conflict, is_rejected in rows:
        reason = Reason.REJECTED if is_rejected else Reason.CONFLICT if is_conflict else Reason.UNKNOWN
        found.append(MissingEvent(id, Reason.OTHER_HOUR if is_stored else reason))
    return sorted(found, key=lambda each: each.id)


async def unexpected_events(tx: Tx, tenant: UUID, listing: Listing, limit: int) -> list[str]:
    values = _listing(tenant, listing) | {"limit": limit}
    return [row[0] for row in await (await tx.execute(SELECT_UNEXPECTED, values)).fetchall()]


async def producers(tx: Tx, place: Place) -> list[str]:
    values = {"hour": place.hour, "tenant": place.tenant, "source": place.source}
    return [row[0] for row in await (await tx.execute(SELECT_PRODUCERS, values)).fetchall()]


async def insert_findings(
    tx: Tx, tenant: UUID, listing: Listing, missing: Sequence[str], unexpected: Sequence[str], now: datetime
) -> None:
    kinds = ["missing"] * len(missing) + ["unexpected"] * len(unexpected)
    values = _listing(tenant, listing) | {"ids": [*missing, *unexpected], "kinds": kinds, "now": now}
    await tx.execute(INSERT_FINDINGS, values)
