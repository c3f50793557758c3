"""Take a file of usage in: resumable, and idempotent because every row has an id of its own for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from autorisen import accounts
from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime, Unit
from autorisen.metering.backfills import store
from autorisen.metering.backfills.begin_backfill import begin_backfill
from autorisen.metering.backfills.model import (
    Backfill,
    BackfillOptions,
    BackfillReport,
    BackfillState,
    Refusal,
    RowCounts,
)
from autorisen.metering.backfills.read_ahead import read_ahead
from autorisen.metering.backfills.read_file import UsageFile
from autorisen.metering.backfills.read_rows import read_rows
from autorisen.metering.backfills.refusals import RefusalFile
from autorisen.metering.corrections import Correction, correct_events
from autorisen.metering.errors import BackfillBusy, BackfillStopped
from autorisen.metering.ingest import ingest
from autorisen.metering.model import OPERATOR, Event, Rejection, Status

ROWS_A_COMMIT = 10_000
_REFUSALS_SHOWN = 5

# Called with the rows done and the rows in all.
OnProgress = Callable[[int, int], None]


@dataclass
class Rehearsal:
    """What a backfill or a revert touches, as far as it was rehearsed: of whom, and from when to when."""

    subjects: set[str] = field(default_factory=set)
    start_at: datetime | None = None
    end_at: datetime | None = None
    report: BackfillReport | None = None

    def see(self, rows: Sequence[Event | Rejection], now: datetime) -> None:
        self.see_events([(row.subject, row.time or now) for row in rows if isinstance(row, Event)])

    def see_events(self, events: Sequence[tuple[str, datetime]]) -> None:
        """Note the subject and time of each."""
        if events:
            self.subjects.update(subject for subject, _ in events)
            times = [at for _, at in events]
            self.start_at = min(self.start_at or times[0], *times)
            self.end_at = max(self.end_at or times[0], *times)


async def backfill_file(
    runtime: Runtime,
    file: UsageFile,
    options: BackfillOptions,
    *,
    actor: str,
    tag: str | None = None,
    rejected: Path | None = None,
    on_progress: OnProgress | None = None,
    rows_a_commit: int = ROWS_A_COMMIT,
) -> BackfillReport:
    """Bring the events of a file into the store, as the operator, in commits of some thousand rows.

    How far it is commits with the events, so that an interrupted backfill goes on where it stopped when it is called
    again with the same file and options; one that is done does nothing. `rejected` names a CSV file for the rows that
    do not count. Raises `InvalidBackfill` for a file, or a column, that can't be read, `BackfillTaken`, `BackfillBusy`
    while another process runs it, and `BackfillStopped` when the database gives up.
    """
    backfill: Backfill | None = None
    try:
        async with alone(runtime, options.digest(file.digest), file.name):
            async with runtime.unit() as unit:
                backfill = await begin_backfill(unit, file, options, tag=tag, actor=actor)
            if backfill.state is BackfillState.DONE:
                return _report(backfill, resumed_at=0, first_refusals=())
            return await _Passage(backfill, file, options, rejected, on_progress, rows_a_commit).run(runtime.unit)
    except Unavailable as error:
        raise stopped(error, f"the backfill of {file.name}") from error


async def rehearse_backfill(
    unit: Unit,
    file: UsageFile,
    options: BackfillOptions,
    *,
    actor: str,
    tag: str | None = None,
    rejected: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Rehearsal:
    """Do all of it in this one transaction, which the caller rolls back; see `backfill_file`."""
    backfill = await begin_backfill(unit, file, options, tag=tag, actor=actor)
    rehearsal = Rehearsal()
    if backfill.state is BackfillState.DONE:
        rehearsal.report = _report(backfill, resumed_at=0, first_refusals=())
        return rehearsal

    @asynccontextmanager
    async def same_unit() -> AsyncIterator[Unit]:
        yield unit

    rehearsal.report = await _Passage(backfill, file, options, rejected, on_progress, ROWS_A_COMMIT, rehearsal).run(
        same_unit
    )
    return rehearsal


@dataclass
class _Passage:
    """One way through the rest of the file."""

    backfill: Backfill
    file: UsageFile
    options: BackfillOptions
    rejected: Path | None
    on_progress: OnProgress | None
    rows_a_commit: int
    rehearsal: Rehearsal | None = None

    async def run(self, open_unit: Callable[[], AbstractAsyncContextManager[Unit]]) -> BackfillReport:
        backfill, first_refusals = self.backfill, list[Refusal]()
        refusal_file = RefusalFile(self.rejected, backfill.next_row)
        next_row, counts = backfill.next_row, backfill.counts
        async with read_ahead(read_rows(self.file, self.options, next_row), self.rows_a_commit) as pieces:
            async for piece in pieces:
                async with open_unit() as unit:
                    became, refusals = await self._take_in(unit, piece, next_row)
                    # Before the commit: what is in the file and not in the store is dropped on resumption.
                    refusal_file.write(refusals)
                    if not await store.advance(unit.tx, backfill.id, next_row, next_row + len(piece), became):
                        raise BackfillBusy(
                            f"another process took {self.file.name} further; this one stored nothing more"
                        )
                    if self.rehearsal is not None:
                        self.rehearsal.see(piece, unit.now)
                first_refusals += refusals[: _REFUSALS_SHOWN - len(first_refusals)]
                next_row, counts = next_row + len(piece), counts + became
                if self.on_progress:
                    self.on_progress(next_row, max(next_row, self.file.rows))
        self.file.check_unchanged()
        async with open_unit() as unit:
            await store.finish_backfill(unit.tx, backfill.id, next_row, unit.now)
        return BackfillReport(backfill.tag, next_row, counts, backfill.next_row, None, tuple(first_refusals))

    async def _take_in(
        self, unit: Unit, piece: Sequence[Event | Rejection], first_row: int
    ) -> tuple[RowCounts, list[Refusal]]:
        receipt = await ingest(unit, None, piece, backfill_id=self.backfill.id)
        refusals = [
            Refusal(first_row + each.index + 1, each.id, each.status, f"{each.field or ''} {each.reason}".strip())
            for each in receipt.results
            if each.status in (Status.REJECTED, Status.CONFLICT)
        ]
        restored = await self._restore(
            unit, [piece[each.index] for each in receipt.results if each.status is Status.DUPLICATE]
        )
        counts = RowCounts.of(receipt)
        return replace(counts, restored=restored, duplicates=counts.duplicates - restored), refusals

    async def _restore(self, unit: Unit, repeated: Sequence[Event | Rejection]) -> int:
        """Let events count again that a revert took back and this file has once more. Gives how many."""
        events = {(each.source, each.id): each for each in repeated if isinstance(each, Event)}
        gone = await store.taken_back(unit.tx, OPERATOR, list(events)) if events else set()
        known = await accounts.customer_ids_by_key(unit.tx, sorted({events[each].subject for each in gone}))
        reason = f"in again with the backfill {self.backfill.tag}"
        corrections = [
            Correction(OPERATOR, source, id, "amend", reason, events[source, id])
            for source, id in sorted(gone)
            if events[source, id].subject in known
        ]
        if corrections:
            await correct_events(unit, actor=self.backfill.actor, corrections=corrections, backfill_id=self.backfill.id)
        return len(corrections)


def _report(backfill: Backfill, *, resumed_at: int, first_refusals: Sequence[Refusal]) -> BackfillReport:
    return BackfillReport(
        backfill.tag, backfill.next_row, backfill.counts, resumed_at, backfill.finished_at, first_refusals
    )


@asynccontextmanager
async def alone(runtime: Runtime, digest: bytes, name: str) -> AsyncIterator[None]:
    """Keep other processes from the same backfill. The lock goes with the connection, so a killed process leaves none.

    It only makes the message early and clear: what is counted once is decided by the events' identity.
    """
    async with runtime.database.transaction() as tx:
        if not await store.try_lock(tx, digest):
            raise BackfillBusy(
                f"another process is at {name} at this moment; `autorisen events backfills` shows how far it is"
            )
        yield


def stopped(error: Unavailable, what: str) -> BackfillStopped:
    reason = str(error.__cause__ or error.detail).splitlines()[0]
    return BackfillStopped(
        f"{what} stopped: {reason}. What was stored stays; mend the cause and give the same command again to go on"
    )
