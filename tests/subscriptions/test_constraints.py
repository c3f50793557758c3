"""The database itself refuses what would bill twice, skip a day or rewrite a closed period."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg import Error, errors

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime, Unit
from autorisen.subscriptions import (
    Status,
    Subscription,
    cancel_now,
    close_and_open_next,
    current_period,
    periods_of,
    start_subscription,
    subscription_of,
)
from autorisen.subscriptions.model import MOVES
from tests.factories.subscriptions import subscribe

COPY: LiteralString = """
    INSERT INTO subscriptions.periods
    SELECT gen_random_uuid(), subscription_id, customer_id, plan_version_id, billing_interval, ordinal + 1,
        {start}, {end}, {end}, {follows}, 'open', false, 'paid'
    FROM subscriptions.periods
"""


def another(start: LiteralString, end: LiteralString, follows: LiteralString) -> LiteralString:
    return COPY.replace("{start}", start).replace("{end}", end).replace("{follows}", follows)


BEGIN: LiteralString = """
    INSERT INTO subscriptions.subscriptions
    SELECT gen_random_uuid(), customer_id, plan_version_id, plan_key, currency, billing_interval, '{status}', false,
        started_at, ended_at, anchor_at, time_zone
    FROM subscriptions.subscriptions
"""

TRIED: list[tuple[str, LiteralString, type[Error]]] = [
    (
        "overlap",
        another("end_at - interval '1 second'", "end_at + interval '1 month'", "NULL"),
        errors.ExclusionViolation,
    ),
    (
        "overlap inside",
        another("start_at + interval '1 day'", "end_at - interval '1 day'", "NULL"),
        errors.ExclusionViolation,
    ),
    (
        "gap",
        another("end_at + interval '1 day'", "end_at + interval '1 month'", "end_at + interval '1 day'"),
        errors.ForeignKeyViolation,
    ),
    ("second beginning", another("end_at", "end_at + interval '1 month'", "NULL"), errors.UniqueViolation),
    ("follows elsewhere", another("end_at", "end_at + interval '1 month'", "start_at"), errors.CheckViolation),
    ("empty", another("end_at", "end_at", "end_at"), errors.CheckViolation),
    (
        "longer",
        """UPDATE subscriptions.periods
           SET end_at = end_at + interval '1 day', planned_end_at = end_at + interval '1 day'""",
        errors.RestrictViolation,
    ),
    ("moved", "UPDATE subscriptions.periods SET start_at = start_at + interval '1 day'", errors.RestrictViolation),
    ("fee forgotten", "UPDATE subscriptions.periods SET fee_invoiced = true", errors.RestrictViolation),
    ("deleted", "DELETE FROM subscriptions.periods", errors.RestrictViolation),
    ("truncated", "TRUNCATE subscriptions.periods CASCADE", errors.RestrictViolation),
    ("subscription deleted", "DELETE FROM subscriptions.subscriptions", errors.RestrictViolation),
    ("other zone", "UPDATE subscriptions.subscriptions SET time_zone = 'UTC'", errors.RestrictViolation),
    ("unknown status", "UPDATE subscriptions.subscriptions SET status = 'trial'", errors.RestrictViolation),
    ("unknown first status", BEGIN.replace("{status}", "new"), errors.RestrictViolation),
    ("ended without a time", "UPDATE subscriptions.subscriptions SET status = 'ended'", errors.CheckViolation),
    ("begins on trial", BEGIN.replace("{status}", "trialing"), errors.RestrictViolation),
    ("begins paused", BEGIN.replace("{status}", "paused"), errors.RestrictViolation),
    (
        "two things at the period's end",
        "UPDATE subscriptions.subscriptions SET cancel_at_period_end = true, pause_at_period_end = true",
        errors.CheckViolation,
    ),
    (
        "half a planned change",
        "UPDATE subscriptions.subscriptions SET next_plan_key = 'free'",
        errors.CheckViolation,
    ),
    ("a trial that was paid", "UPDATE subscriptions.periods SET kind = 'trial'", errors.RestrictViolation),
    ("trials forgotten", "TRUNCATE subscriptions.trials", errors.RestrictViolation),
    (
        "second live one",
        BEGIN.replace("{status}", "active"),
        errors.UniqueViolation,
    ),
]


@pytest.mark.parametrize("statement, refusal", [(each[1], each[2]) for each in TRIED], ids=[each[0] for each in TRIED])
async def test_what_is_tried_is_refused(runtime: Runtime, statement: LiteralString, refusal: type[Error]) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        before = await periods_of(unit.tx, started.id)
    with pytest.raises(refusal):
        async with runtime.unit() as unit:
            await unit.tx.execute(statement)
    async with runtime.database.read() as tx:
        assert await periods_of(tx, started.id) == before


async def test_what_is_closed_or_ended_is_final(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await cancel_now(unit, started.id)
        last = await current_period(unit.tx, started.id)
    clock.set(last.end_at)
    async with runtime.unit() as unit:
        await close_and_open_next(unit, last.id)
    changes: tuple[LiteralString, ...] = (
        "UPDATE subscriptions.periods SET end_at = end_at - interval '1 microsecond' WHERE status = 'closed'",
        "UPDATE subscriptions.periods SET status = 'open' WHERE status = 'closed'",
        "UPDATE subscriptions.subscriptions SET status = 'active', ended_at = NULL WHERE status = 'ended'",
    )
    for change in changes:
        with pytest.raises(errors.RestrictViolation, match="final"):
            async with runtime.unit() as unit:
                await unit.tx.execute(change)


async def test_a_period_that_has_a_follower_is_not_cut(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
        await unit.tx.execute(another("end_at", "end_at + interval '1 month'", "end_at"))
        assert len(await periods_of(unit.tx, started.id)) == 2
    with pytest.raises(errors.ForeignKeyViolation):
        async with runtime.unit() as unit:
            await unit.tx.execute(
                "UPDATE subscriptions.periods SET end_at = end_at - interval '1 day' WHERE follows_at IS NULL"
            )


async def test_the_database_has_the_moves_of_the_state_table_and_no_other(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        _, started = await subscribe(unit)
    refused = set()
    for before, after in product(Status, Status):
        async with runtime.unit() as unit, unit.tx.transaction(force_rollback=True):
            await _put(unit, started, before)
            try:
                await _set(unit, started.id, after)
            except errors.RestrictViolation:
                refused.add((before, after))
    pairs = {(before, after) for before, after in product(Status, Status) if before is not after}
    # An ended row is final as a whole, also for the status it has.
    assert refused == (pairs - MOVES) | {(Status.ENDED, Status.ENDED)}


async def _put(unit: Unit, started: Subscription, status: Status) -> None:
    """Bring a new row into a status, past the trigger, as nobody but a test can."""
    await unit.tx.execute("ALTER TABLE subscriptions.subscriptions DISABLE TRIGGER USER")
    await _set(unit, started.id, status)
    await unit.tx.execute("ALTER TABLE subscriptions.subscriptions ENABLE TRIGGER USER")


async def _set(unit: Unit, subscription_id: UUID, status: Status) -> None:
    ended_at = unit.now if status in (Status.CANCELLED, Status.ENDED) else None
    await unit.tx.execute(
        "UPDATE subscriptions.subscriptions SET status = %s, ended_at = %s WHERE id = %s",
        (status, ended_at, subscription_id),
    )


async def test_between_two_subscriptions_of_a_customer_there_is_no_gap(runtime: Runtime, clock: FrozenClock) -> None:
    async with runtime.unit() as unit:
        customer, started = await subscribe(unit)
    clock.advance(timedelta(days=2))
    async with runtime.unit() as unit:
        await cancel_now(unit, started.id)
        first = await current_period(unit.tx, started.id)

    async def cut_before_the_next_begins() -> None:
        async with runtime.unit() as unit:
            await unit.tx.execute(
                "UPDATE subscriptions.periods SET end_at = end_at - interval '1 second' WHERE id = %s", (first.id,)
            )

    async def begin_after_a_while() -> None:
        async with runtime.unit() as unit:
            live = await subscription_of(unit.tx, customer.id)
            assert live is not None
            await _set(unit, live.id, Status.ENDED)
            late = first.end_at + timedelta(days=400)
            await start_subscription(unit, customer=customer, plan_key="pro", start_at=late)

    with pytest.raises(errors.ExclusionViolation, match="before the next one of its customer begins"):
        await cut_before_the_next_begins()
    with pytest.raises(errors.ExclusionViolation, match="begins where no period of its customer ends"):
        await begin_after_a_while()
