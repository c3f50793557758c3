"""SQL of dunning: where each unpaid invoice stands, and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row

from autorisen.billing.dunning.model import Dunning, Outcome, Policy, Stage
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id

INSERT_DUNNING = """
INSERT INTO billing.dunnings (invoice_id, subscription_id, customer_id, days, grace_days, suspended_days, began_at,
    base_at, done, stage, next_at)
VALUES (%(invoice_id)s, %(subscription_id)s, %(customer_id)s, %(days)s, %(grace_days)s, %(suspended_days)s,
    %(began_at)s, %(base_at)s, %(done)s, %(stage)s, %(next_at)s)
ON CONFLICT (invoice_id) DO NOTHING
"""
DUNNING = """
SELECT invoice_id, subscription_id, customer_id, days, grace_days, suspended_days, began_at, base_at, done, stage,
    next_at, paused_at, paused_by, ended_at, outcome
FROM billing.dunnings WHERE invoice_id = %(invoice_id)s
"""
LOCK_DUNNING = """
SELECT invoice_id, subscription_id, customer_id, days, grace_days, suspended_days, began_at, base_at, done, stage,
    next_at, paused_at, paused_by, ended_at, outcome
FROM billing.dunnings WHERE invoice_id = %(invoice_id)s FOR UPDATE
"""
UPDATE_DUNNING = """
UPDATE billing.dunnings SET base_at = %(base_at)s, done = %(done)s, stage = %(stage)s, next_at = %(next_at)s,
    paused_at = %(paused_at)s, paused_by = %(paused_by)s, ended_at = %(ended_at)s, outcome = %(outcome)s
WHERE invoice_id = %(invoice_id)s
"""
INSERT_EVENT = """
INSERT INTO billing.dunning_events (id, invoice_id, step, kind, detail, payment_id, actor, at)
VALUES (%(id)s, %(invoice_id)s, %(step)s, %(kind)s, %(detail)s, %(payment_id)s, %(actor)s, %(at)s)
"""
EVENTS = """
SELECT id, invoice_id, step, kind, detail, payment_id, actor, at FROM billing.dunning_events
WHERE invoice_id = %(invoice_id)s ORDER BY at, id
"""
# Overdue, and nobody has begun with it.
OVERDUE = """
SELECT invoice.id FROM billing.invoices AS invoice
WHERE status = 'open' AND due_at <= %(now)s
    AND NOT EXISTS (SELECT FROM billing.dunnings WHERE dunnings.invoice_id = invoice.id)
ORDER BY due_at, invoice.id LIMIT %(limit)s
"""
RUNNING_OF = """
SELECT invoice_id FROM billing.dunnings WHERE customer_id = %(customer_id)s AND ended_at IS NULL ORDER BY invoice_id
"""
# `after` is the last invoice of the page before.
LIST_DUNNINGS = """
SELECT invoice_id, subscription_id, customer_id, days, grace_days, suspended_days, began_at, base_at, done, stage,
    next_at, paused_at, paused_by, ended_at, outcome
FROM billing.dunnings
WHERE (%(is_over)s::boolean IS NULL OR (ended_at IS NOT NULL) = %(is_over)s::boolean)
    AND (%(stage)s::text IS NULL OR stage = %(stage)s::text)
    AND (%(after)s::uuid IS NULL OR (began_at, invoice_id) <
        (SELECT began_at, invoice_id FROM billing.dunnings WHERE invoice_id = %(after)s::uuid))
ORDER BY began_at DESC, invoice_id DESC LIMIT %(limit)s
"""
NUMBERS = """
SELECT id, number, total_minor - amount_paid_minor - credited_due_minor AS due_minor, currency, status
FROM billing.invoices WHERE id = ANY(%(ids)s::uuid[])
"""


@dataclass(frozen=True)
class DunningEvent:
    """One thing that was done about an unpaid invoice. `step` is its place in the schedule, None for what a person or a
    payment did."""

    id: UUID
    invoice_id: UUID
    step: int | None
    kind: str
    detail: str
    payment_id: UUID | None
    actor: str
    at: datetime

    @property
    def payment_public_id(self) -> str | None:
        return None if self.payment_id is None else public_id("pay", self.payment_id)


async def insert_dunning(tx: Tx, dunning: Dunning) -> bool:
    """Begin with an invoice; False when somebody has."""
    return (await tx.execute(INSERT_DUNNING, vars(dunning) | _policy_row(dunning.policy))).rowcount == 1


async def find_dunning(tx: Tx, invoice_id: UUID, *, lock: bool = False) -> Dunning | None:
    """Where an invoice stands; None when it was never overdue. `lock` holds it until the transaction ends."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(LOCK_DUNNING if lock else DUNNING, {"invoice_id": invoice_id})).fetchone()
    return None if row is None else _dunning(row)


async def update_dunning(tx: Tx, dunning: Dunning) -> None:
    await tx.execute(UPDATE_DUNNING, vars(dunning))


async def insert_event(tx: Tx, event: DunningEvent) -> None:
    """Note what was done. A second time for one step of an invoice breaks the key."""
    await tx.execute(INSERT_EVENT, vars(event))


async def events_of(tx: Tx, invoice_id: UUID) -> list[DunningEvent]:
    """What was done about an invoice, in order."""
    async with tx.cursor(row_factory=class_row(DunningEvent)) as cursor:
        return await (await cursor.execute(EVENTS, {"invoice_id": invoice_id})).fetchall()


async def overdue(tx: Tx, now: datetime, limit: int) -> list[UUID]:
    """Open invoices that are overdue and not yet chased, oldest first."""
    return [row[0] for row in await (await tx.execute(OVERDUE, {"now": now, "limit": limit})).fetchall()]


async def running_of(tx: Tx, customer_id: UUID) -> list[UUID]:
    """The invoices of a customer that are chased."""
    return [row[0] for row in await (await tx.execute(RUNNING_OF, {"customer_id": customer_id})).fetchall()]


async def list_dunnings(
    tx: Tx, *, is_over: bool | None, stage: Stage | None = None, after: UUID | None = None, limit: int = 50
) -> list[Dunning]:
    """Schedules of unpaid invoices, the newest first."""
    values = {"is_over": is_over, "stage": stage, "after": after, "limit": limit}
    async with tx.cursor(row_factory=dict_row) as cursor:
        return [_dunning(row) for row in await (await cursor.execute(LIST_DUNNINGS, values)).fetchall()]


async def invoices_by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """Number, status and what is due of invoices."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        return {row["id"]: row for row in await (await cursor.execute(NUMBERS, {"ids": list(ids)})).fetchall()}


def _dunning(row: Mapping[str, Any]) -> Dunning:
    values = dict(row)
    policy = Policy(tuple(values.pop("days")), values.pop("grace_days"), values.pop("suspended_days"))
    stage, outcome = Stage(values.pop("stage")), values.pop("outcome")
    return Dunning(policy=policy, stage=stage, outcome=None if outcome is None else Outcome(outcome), **values)


def _policy_row(policy: Policy) -> dict[str, object]:
    return vars(policy) | {"days": list(policy.days)}
