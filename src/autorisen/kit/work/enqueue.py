"""Put work into the queue, inside the caller's transaction: it exists if, and only if, its cause commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from autorisen.kit.unit import Unit
from autorisen.kit.work import store
from autorisen.kit.work.model import FACT_KIND, FACTS_KIND, Fact


async def enqueue(
    unit: Unit,
    kind: str,
    payload: Mapping[str, object] | None = None,
    *,
    due_at: datetime | None = None,
    key: str | None = None,
) -> bool:
    """Have job `kind` run at `due_at` (business time; now when left out).

    `key` is unique among waiting jobs: a second one with the same key changes nothing and gives False.
    """
    return await store.insert_job(
        unit.tx,
        id=unit.ids.new(),
        kind=kind,
        payload=msgspec.to_builtins(dict(payload or {})),
        due_at=due_at or unit.now,
        created_at=unit.now,
        key=key,
    )


async def record(unit: Unit, fact: Fact) -> None:
    """Record what happened. Every handler in the worker's table runs once for it, each in a transaction of its own."""
    id, name, data = unit.ids.new(), type(fact).__name__, msgspec.to_builtins(fact)
    await store.insert_fact(unit.tx, id=id, name=name, payload=data, recorded_at=unit.now)
    await enqueue(unit, FACT_KIND, {"fact_id": id, "name": name, "data": data})


async def enqueue_many(unit: Unit, kind: str, payloads: Sequence[Mapping[str, object]]) -> None:
    """Have job `kind` run now, once for each payload: one statement for all."""
    if payloads:
        rows = [{"id": unit.ids.new(), "payload": payload} for payload in payloads]
        await store.insert_jobs(unit.tx, kind=kind, rows=rows, due_at=unit.now, created_at=unit.now)


async def record_many(unit: Unit, facts: Sequence[Fact]) -> None:
    """Record many facts at once, handled in their order: two statements and one job, however many there are."""
    if facts:
        rows = [{"id": unit.ids.new(), "name": type(fact).__name__, "payload": fact} for fact in facts]
        await store.insert_facts(unit.tx, rows, recorded_at=unit.now)
        await enqueue_many(unit, FACTS_KIND, [{"fact_ids": [row["id"] for row in rows]}])
