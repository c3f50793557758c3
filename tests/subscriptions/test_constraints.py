"""The database itself refuses what would bill twice, skip a day or rewrite a closed period."""

from __future__ import annotations

from typing import LiteralString

import pytest
from psycopg import Error, errors

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import cancel_now, close_and_open_next, current_period, periods_of
from tests.factories.subscriptions import subscribe

COPY: LiteralString = """
    INSERT INTO subscriptions.periods
    SELECT gen_random_uuid(), subscription_id, customer_id, plan_version_id, billing_interval, ordinal + 1,
        {start}, {end}, {end}, {follows}, 'open', false
    FROM subscriptions.periods
"""


def another(start: LiteralString, end: LiteralString, follows: LiteralString) -> LiteralString:
    return COPY.replace("{start}", start).replace("{end}", end).replace("{follows}", follows)


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
    ("unknown status", "UPDATE subscriptions.subscriptions SET status = 'trial'", errors.CheckViolation),
    ("ended without a time", "UPDATE subscriptions.subscriptions SET status = 'ended'", errors.CheckViolation),
    (
        "second live one",
        """INSERT INTO subscriptions.subscriptions
           SELECT gen_random_uuid(), customer_id, plan_version_id, plan_key, currency, billing_interval, status, false,
               started_at, ended_at, anchor_at, time_zone
           FROM subscriptions.subscriptions""",
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
