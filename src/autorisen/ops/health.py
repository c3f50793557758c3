"""Is this installation well? Each part answers for itself, within a bounded time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from autorisen import billing, metering, payments
from autorisen.kit.problems import Unavailable
from autorisen.kit.unit import Runtime
from autorisen.kit.work import QueueState
from autorisen.kit.work.store import queue_state

# Together under the two seconds in which a load balancer wants to know.
ANSWER_SECONDS = 1.5
# Work that waits longer than this means: no worker, or one that does not keep up.
WORK_WAITS_TOO_LONG = timedelta(minutes=2)


class State(StrEnum):
    """`degraded`: works, but somebody should look. `down`: does not work."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True)
class Component:
    """One part of the installation. `detail` says what was seen, in words."""

    name: str
    state: State
    detail: str


@dataclass(frozen=True)
class Figures:
    """What the database says about the work and the data, read in one transaction."""

    queue: QueueState
    parked_deliveries: int
    unapplied_payments: int
    events: int
    reconciliation: metering.Reconciliation | None
    audit: billing.AuditReport | None
    now: datetime

    @property
    def oldest_due_seconds(self) -> float:
        """How long the oldest due job has been waiting, in seconds of business time; 0 when nothing is due."""
        if self.queue.oldest_due_at is None:
            return 0.0
        return max((self.now - self.queue.oldest_due_at).total_seconds(), 0.0)


async def is_database_up(runtime: Runtime) -> bool:
    """Whether a query is answered now; also False for a server that hangs."""
    try:
        return await asyncio.wait_for(runtime.database.is_reachable(), ANSWER_SECONDS)
    except TimeoutError:
        return False


async def figures(runtime: Runtime) -> Figures | None:
    """The figures, or None when the database does not give them in time."""
    try:
        return await asyncio.wait_for(_figures(runtime), ANSWER_SECONDS)
    except (Unavailable, TimeoutError):
        return None


async def _figures(runtime: Runtime) -> Figures:
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        counts = await metering.event_counts(tx)
        deliveries = await payments.delivery_counts(tx)
        return Figures(
            queue=await queue_state(tx, now),
            parked_deliveries=deliveries[payments.DeliveryStatus.PARKED],
            unapplied_payments=await billing.count_unapplied(tx),
            events=counts.stored,
            reconciliation=await metering.latest_reconciliation(tx),
            audit=await billing.latest_audit(tx),
            now=now,
        )


async def components(runtime: Runtime) -> list[Component]:
    """The state of every part. With the database down nothing else can be known, and is not claimed."""
    seen = await figures(runtime)
    if seen is None:
        return [Component("database", State.DOWN, "does not answer")]
    answers = Component("database", State.OK, "answers")
    parts = (_worker, _queue, _webhooks, _payments, _events, _reconciliation, _audit)
    return [answers, _storage(runtime), *(part(seen) for part in parts)]


def overall(parts: list[Component]) -> State:
    """The worst state of all parts."""
    order = list(State)
    return max((part.state for part in parts), key=order.index, default=State.OK)


def _storage(runtime: Runtime) -> Component:
    if not runtime.database.has_room():
        return Component("storage", State.DOWN, "the disk of the database is full: make room, and all goes on")
    return Component("storage", State.OK, "has room")


def _worker(seen: Figures) -> Component:
    waiting = timedelta(seconds=seen.oldest_due_seconds)
    if waiting > WORK_WAITS_TOO_LONG:
        return Component("worker", State.DEGRADED, f"work has been due for {waiting.total_seconds():.0f} s")
    return Component("worker", State.OK, "keeps up")


def _queue(seen: Figures) -> Component:
    queue = seen.queue
    if queue.dead:
        return Component("queue", State.DEGRADED, f"{queue.dead} jobs gave up; see the console's work page")
    return Component("queue", State.OK, f"{queue.due} due, {queue.later} later, {queue.retrying} retrying")


def _webhooks(seen: Figures) -> Component:
    if seen.parked_deliveries:
        return Component("webhooks", State.DEGRADED, f"{seen.parked_deliveries} deliveries are parked")
    return Component("webhooks", State.OK, "none parked")


def _payments(seen: Figures) -> Component:
    if seen.unapplied_payments:
        return Component("payments", State.DEGRADED, f"{seen.unapplied_payments} unapplied; see the console's invoices")
    return Component("payments", State.OK, "none unapplied")


def _events(seen: Figures) -> Component:
    return Component("events", State.OK, f"{seen.events} stored")


def _reconciliation(seen: Figures) -> Component:
    last = seen.reconciliation
    if last is None:
        return Component("reconciliation", State.OK, "none yet; the first one comes at night")
    if last.outstanding:
        detail = f"{last.outstanding} differences on {last.began_at:%Y-%m-%d}; see the console's reconciliations"
        return Component("reconciliation", State.DEGRADED, detail)
    return Component("reconciliation", State.OK, f"nothing differs, {last.began_at:%Y-%m-%d %H:%M} UTC")


def _audit(seen: Figures) -> Component:
    last = seen.audit
    if last is None:
        return Component("audit", State.OK, "none yet; the first one comes at night")
    if last.findings:
        detail = f"{last.findings} findings, {last.cents} cents, on {last.began_at:%Y-%m-%d}; see the console's audits"
        return Component("audit", State.DEGRADED, detail)
    return Component("audit", State.OK, f"nothing unexplained, {last.began_at:%Y-%m-%d %H:%M} UTC")
