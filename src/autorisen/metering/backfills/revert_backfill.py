"""Take a backfill back as a whole: all its events are voided, in stretches, and an interrupted revert goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from uuid import UUID

from autorisen import accounts
from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime, Unit
from autorisen.metering.backfills import store
from autorisen.metering.backfills.backfill_file import OnProgress, Rehearsal, alone, stopped
from autorisen.metering.backfills.model import Backfill
from autorisen.metering.corrections import Correction, correct_events
from autorisen.metering.errors import BackfillBusy, UnknownBackfill

_EVENTS_A_COMMIT = 10_000


async def revert_backfill(runtime: Runtime, tag: str, *, actor: str, on_progress: OnProgress | None = None) -> Backfill:
    """Void every event that the backfill of this tag stored, and those that it brought in again.

    Each stretch commits with how far it is, so that the same call goes on after an interruption. Quantities follow at
    once; a closed period gets a line on the next invoice. Raises `UnknownBackfill`, `BackfillBusy` while another
    process is at it, and `BackfillStopped` when the database gives up.
    """
    async with runtime.database.read() as tx:
        backfill = await store.backfill_tagged(tx, tag)
    if backfill is None:
        raise UnknownBackfill(f"there is no backfill {tag!r}; `autorisen events backfills` lists them")
    try:
        async with alone(runtime, backfill.digest, backfill.file_name):
            return await _Revert(tag, actor, on_progress).run(runtime.unit)
    except Unavailable as error:
        raise stopped(error, f"the revert of {tag}") from error


async def rehearse_revert(unit: Unit, tag: str, *, actor: str, on_progress: OnProgress | None = None) -> Rehearsal:
    """Do all of it in this one transaction, which the caller rolls back; see `revert_backfill`."""
    rehearsal = Rehearsal()

    @asynccontextmanager
    async def same_unit() -> AsyncIterator[Unit]:
        yield unit

    await _Revert(tag, actor, on_progress, rehearsal).run(same_unit)
    return rehearsal


class _Revert:
    """One way through the events of a backfill."""

    def __init__(
        self, tag: str, actor: str, on_progress: OnProgress | None, rehearsal: Rehearsal | None = None
    ) -> None:
        self._tag = tag
        self._actor = actor
        self._on_progress = on_progress
        self._rehearsal = rehearsal

    async def run(self, open_unit: Callable[[], AbstractAsyncContextManager[Unit]]) -> Backfill:
        async with open_unit() as unit:
            backfill = await store.backfill_tagged(unit.tx, self._tag)
            if backfill is None or not await store.begin_revert(unit.tx, backfill.id):
                raise UnknownBackfill(f"there is no backfill {self._tag!r} that could be reverted")
            await accounts.record_audit(unit, actor=self._actor, action="backfill.reverted", target=self._tag)
        while True:
            async with open_unit() as unit:
                batch = await store.next_batch(unit.tx, backfill)
                if batch is not None:
                    taken = await store.events_of_batch(unit.tx, batch)
                else:
                    taken = await store.restored_events(unit.tx, backfill.id, _EVENTS_A_COMMIT)
                if batch is None and not taken:
                    await store.finish_revert(unit.tx, backfill.id, self._actor, unit.now)
                    break
                backfill = await self._take_back(unit, backfill, batch, taken)
            if self._on_progress:
                self._on_progress(backfill.reverted_events, max(backfill.events, backfill.reverted_events))
        return backfill

    async def _take_back(
        self, unit: Unit, backfill: Backfill, batch: UUID | None, taken: list[store.Taken]
    ) -> Backfill:
        reason = f"the backfill {self._tag} was reverted"
        corrections = [Correction(tenant, source, id, "void", reason) for tenant, source, id, _, _ in taken]
        voided = 0
        if corrections:
            receipt = await correct_events(unit, actor=self._actor, corrections=corrections, backfill_id=backfill.id)
            voided = receipt.voided
        if not await store.step_revert(unit.tx, backfill, batch, voided):
            raise BackfillBusy(f"another process took the revert of {self._tag} further; this one did nothing more")
        if self._rehearsal is not None:
            self._rehearsal.see_events([(subject, at) for *_, subject, at in taken])
        return replace(
            backfill,
            reverted_upto=batch or backfill.reverted_upto,
            reverted_events=backfill.reverted_events + voided,
        )
