"""The SQL of traces: which spans are known, and what became of the usage that they report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.compat.otlp.model import Node, Role, State

# Locks each trace until the transaction ends, in one order for all: one at a time decides what counts in it.
ENTER_TRACES = """
INSERT INTO metering.traces AS known (tenant, trace_id, last_seen_at, has_usage)
SELECT %(tenant)s::uuid, trace_id, %(now)s::timestamptz, has_usage
FROM unnest(%(traces)s::uuid[], %(usages)s::boolean[]) AS seen (trace_id, has_usage)
ORDER BY trace_id
ON CONFLICT (tenant, trace_id) DO UPDATE
SET last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
    has_usage = known.has_usage OR excluded.has_usage
RETURNING trace_id, has_usage, spans
"""

INSERT_SPANS = """
WITH added AS (
    INSERT INTO metering.spans (tenant, trace_id, span_id, parent_id, role, started_us, ended_us, event)
    SELECT %(tenant)s::uuid, sent.* FROM unnest(
        %(traces)s::uuid[], %(spans)s::text[], %(parents)s::text[], %(roles)s::text[], %(starts)s::bigint[],
        %(ends)s::bigint[], %(events)s::json[]
    ) AS sent
    ON CONFLICT DO NOTHING
    RETURNING trace_id
)
UPDATE metering.traces SET spans = traces.spans + new.spans
FROM (SELECT trace_id, count(*) AS spans FROM added GROUP BY trace_id) AS new
WHERE traces.tenant = %(tenant)s::uuid AND traces.trace_id = new.trace_id
"""

SELECT_SPANS = """
SELECT trace_id, span_id, parent_id, role, started_us, ended_us, event IS NOT NULL, event::text, state, revision
FROM metering.spans WHERE tenant = %(tenant)s::uuid AND trace_id = ANY (%(traces)s::uuid[])
"""

SET_STATES = """
UPDATE metering.spans SET state = new.state, revision = new.revision
FROM unnest(%(traces)s::uuid[], %(spans)s::text[], %(states)s::text[], %(revisions)s::int[])
    AS new (trace_id, span_id, state, revision)
WHERE spans.tenant = %(tenant)s::uuid AND spans.trace_id = new.trace_id AND spans.span_id = new.span_id
"""

FORGET_TRACES = """
DELETE FROM metering.traces WHERE (tenant, trace_id) IN (
    SELECT tenant, trace_id FROM metering.traces WHERE NOT has_usage AND last_seen_at < %(before)s
    ORDER BY last_seen_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True)
class Trace:
    """A trace as it is known. `spans` is how many of its spans are kept."""

    trace_id: str
    has_usage: bool
    spans: int


@dataclass(frozen=True)
class KnownSpan:
    """A span of a trace, whether it `is_kept`. `event_json` is the usage that it reports, empty for none."""

    trace_id: str
    node: Node
    event_json: str
    state: State = State.NONE
    revision: int = 0
    is_kept: bool = False


async def enter_traces(tx: Tx, tenant: UUID, usages: dict[str, bool], now: datetime) -> dict[str, Trace]:
    """Note these traces, by id with whether something in them reports usage, and keep others out of them."""
    traces = sorted(usages)
    cursor = await tx.execute(
        ENTER_TRACES,
        {"tenant": tenant, "now": now, "traces": traces, "usages": [usages[trace] for trace in traces]},
    )
    return {id.hex: Trace(id.hex, has_usage, spans) for id, has_usage, spans in await cursor.fetchall()}


async def insert_spans(tx: Tx, tenant: UUID, spans: Sequence[KnownSpan]) -> None:
    """Keep the spans that are not known yet; of what is known, the first word stays."""
    await tx.execute(
        INSERT_SPANS,
        {
            "tenant": tenant,
            "traces": [span.trace_id for span in spans],
            "spans": [span.node.span_id for span in spans],
            "parents": [span.node.parent_id for span in spans],
            "roles": [span.node.role.value for span in spans],
            "starts": [span.node.started_us for span in spans],
            "ends": [span.node.ended_us for span in spans],
            "events": [span.event_json or None for span in spans],
        },
    )


async def select_spans(tx: Tx, tenant: UUID, traces: Collection[str]) -> list[KnownSpan]:
    """All spans that are kept of these traces."""
    cursor = await tx.execute(SELECT_SPANS, {"tenant": tenant, "traces": list(traces)})
    return [
        KnownSpan(
            trace_id.hex,
            Node(span_id, parent_id, Role(role), started_us, ended_us, reports_usage),
            event_json or "",
            State(state),
            revision,
            is_kept=True,
        )
        for (
            trace_id,
            span_id,
            parent_id,
            role,
            started_us,
            ended_us,
            reports_usage,
            event_json,
            state,
            revision,
        ) in await cursor.fetchall()
    ]


async def set_states(tx: Tx, tenant: UUID, states: Sequence[tuple[str, str, State, int]]) -> None:
    """Note what became of the usage of spans: trace, span, state, revision."""
    await tx.execute(
        SET_STATES,
        {
            "tenant": tenant,
            "traces": [trace_id for trace_id, _, _, _ in states],
            "spans": [span_id for _, span_id, _, _ in states],
            "states": [state.value for _, _, state, _ in states],
            "revisions": [revision for _, _, _, revision in states],
        },
    )


async def forget_traces(tx: Tx, before: datetime, limit: int) -> int:
    """Forget traces in which nothing reported usage, last seen before then. Gives how many."""
    return (await tx.execute(FORGET_TRACES, {"before": before, "limit": limit})).rowcount
