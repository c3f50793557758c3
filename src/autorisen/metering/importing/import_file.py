"""Import a file of usage: resumable, and idempotent because every row has an id of its own for ever."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from autorisen.kit.unit import Runtime
from autorisen.metering.importing import store
from autorisen.metering.importing.model import ImportOptions, ImportReport
from autorisen.metering.importing.read_rows import file_facts, is_jsonl, read_rows
from autorisen.metering.ingest import ingest
from autorisen.metering.model import Status

ROWS_A_COMMIT = 2_000
_REASONS_SHOWN = 5

# Called with the rows done and the rows in all.
OnProgress = Callable[[int, int], None]


async def import_file(
    runtime: Runtime, path: Path, options: ImportOptions, *, on_progress: OnProgress | None = None
) -> ImportReport:
    """Bring the events of a CSV or JSONL file into the store, as the operator.

    How far it is commits with the events, so that an interrupted import goes on where it stopped when it is called
    again with the same options. Raises `InvalidImport` for a file, or a column, that can't be read.
    """
    facts = file_facts(path)
    total = facts.lines if is_jsonl(path) else max(facts.lines - 1, 0)
    digest = options.digest(facts.digest)
    rows = read_rows(path, options, facts)
    async with runtime.unit() as unit:
        state = await store.begin_import(unit.tx, digest, path.name, unit.now)
    resumed_at = state.next_row
    reasons: list[str] = []
    next(islice(rows, state.next_row, state.next_row), None)
    while batch := list(islice(rows, ROWS_A_COMMIT)):
        async with runtime.unit() as unit:
            receipt = await ingest(unit, None, batch)
            after = state.plus(len(batch), receipt)
            await store.save_import(unit.tx, digest, after)
        told = (each for each in receipt.results if each.status in (Status.REJECTED, Status.CONFLICT))
        for result in islice(told, _REASONS_SHOWN - len(reasons)):
            reasons.append(f"row {state.next_row + result.index + 1}: {result.field or ''} {result.reason}")
        state = after
        if on_progress:
            on_progress(state.next_row, total)
    async with runtime.unit() as unit:
        await store.finish_import(unit.tx, digest, unit.now)
    return ImportReport(
        rows=state.next_row,
        accepted=state.accepted,
        duplicates=state.duplicates,
        conflicts=state.conflicts,
        rejected=state.rejected,
        resumed_at=resumed_at,
        first_reasons=tuple(reasons),
    )
