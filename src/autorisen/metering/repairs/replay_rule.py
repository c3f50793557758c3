"""Replay every open rejection of one rule, after the meter or the customer that caused it was mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from autorisen.kit.unit import Runtime, Unit
from autorisen.metering.ingest import Submission, ingest_all
from autorisen.metering.model import Event, Status
from autorisen.metering.repairs import store
from autorisen.metering.repairs.model import RejectedEvent, RejectionStatus, Resolution
from autorisen.metering.repairs.repair_event import checked_reason, end_rejection, read_kept

CHUNK = 500
# A request does not take longer than this many need; `next` says where to go on.
BULK_LIMIT = 5_000

_FIRST = UUID(int=0)
_Readable = tuple[RejectedEvent, Event]


@dataclass(frozen=True)
class BulkReplay:
    """How many were replayed and how many still break a rule or are in conflict; `next` when there may be more."""

    replayed: int
    refused: int
    next: UUID | None


async def replay_rule(
    runtime: Runtime,
    *,
    tenant: UUID | None,
    field: str,
    rule: str,
    actor: str,
    reason: str,
    after: UUID | None = None,
    limit: int = BULK_LIMIT,
) -> BulkReplay:
    """Replay open rejections of one rule as they were kept, up to `limit`, in transactions of `CHUNK`.

    Those that are still refused stay open, unchanged. Whatever interrupts it, what is committed is done, and the same
    call goes on with the rest.
    """
    reason = checked_reason(reason)
    replayed = looked_at = 0
    place = after or _FIRST
    while looked_at < limit:
        wanted = min(CHUNK, limit - looked_at)
        async with runtime.unit() as unit:
            ids = await store.lock_open_of_rule(unit.tx, tenant, field, rule, place, wanted)
            replayed += await _replay(unit, await store.rejections(unit.tx, tenant, ids), actor, reason)
        looked_at += len(ids)
        if len(ids) < wanted:
            return BulkReplay(replayed, looked_at - replayed, None)
        place = ids[-1]
    return BulkReplay(replayed, looked_at - replayed, place)


async def _replay(unit: Unit, rows: Sequence[RejectedEvent], actor: str, reason: str) -> int:
    """Take in those that are accepted by now, and only them. Gives how many."""
    readable = [(row, kept) for row in rows if isinstance(kept := read_kept(row), Event)]
    while readable:
        try:
            # What is refused would be noted as rejected once more: it is taken back, and the rest sent without it.
            async with unit.tx.transaction():
                await _take_in(unit, readable)
            break
        except _SomeRefused as some:
            readable = some.rest
    for row, event in readable:
        end = Resolution(RejectionStatus.REPLAYED, actor, reason, unit.now, event.source, event.id)
        await end_rejection(unit, row, end)
    return len(readable)


class _SomeRefused(Exception):
    def __init__(self, rest: list[_Readable]) -> None:
        super().__init__()
        self.rest = rest


async def _take_in(unit: Unit, readable: Sequence[_Readable]) -> None:
    """Raises `_SomeRefused` with those that were not."""
    groups: dict[UUID | None, list[_Readable]] = {}
    for row, event in readable:
        groups.setdefault(row.producer, []).append((row, event))
    receipts = await ingest_all(
        unit, [Submission(producer, [event for _, event in group]) for producer, group in groups.items()]
    )
    rest: list[_Readable] = []
    for group, receipt in zip(groups.values(), receipts, strict=True):
        refused = {each.index for each in receipt.results if each.status in (Status.REJECTED, Status.CONFLICT)}
        rest += [each for index, each in enumerate(group) if index not in refused]
    if len(rest) < len(readable):
        raise _SomeRefused(rest)
