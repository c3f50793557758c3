"""Any sequence of what may happen to a customer: the stored periods tile its time, and only one subscription lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorisen.accounts import Customer
from autorisen.catalog import Interval, current_plan
from autorisen.kit.clock import FrozenClock
from autorisen.kit.database import Database, Tx
from autorisen.kit.ids import seeded_ids
from autorisen.kit.problems import Conflict
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Unit
from autorisen.subscriptions import (
    LIVE,
    Period,
    cancel_now,
    change_plan,
    close_and_open_next,
    keep,
    mark_active,
    mark_past_due,
    periods_of,
    request_cancel,
    subscription_history,
    subscription_of,
)
from tests.factories.subscriptions import subscribe

T = TypeVar("T")
START = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
GRACE = timedelta(hours=1)
_numbers = count(1)

ACTIONS = ["upgrade", "downgrade", "yearly", "cancel", "resume", "stop", "fail", "pay", "nothing"]
steps = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 60 * 24 * 70)), max_size=12)
zones = st.sampled_from(["Pacific/Niue", "Pacific/Kiritimati", "Europe/Berlin", "Africa/Johannesburg"])


class History:
    """One customer under real verbs; the worker's part, closing what is due, is done before each action."""

    def __init__(self, database: Database, zone: str) -> None:
        self.database, self.zone = database, zone
        self.clock = FrozenClock(START)
        self.ids = seeded_ids(self.clock, next(_numbers))

    def unit(self, tx: Tx) -> Unit:
        return Unit(tx, self.clock.now(), self.clock.now(), self.ids, Settings())

    async def live_through(self, plan: list[tuple[str, int]], *, lagging: bool) -> None:
        async with self.database.transaction() as tx:
            customer, _ = await subscribe(self.unit(tx), key=f"customer-{next(_numbers)}", time_zone=self.zone)
        for action, minutes in plan:
            self.clock.advance(timedelta(minutes=minutes))
            if not lagging:
                await self.close_what_is_due(customer)
            with suppress(Conflict):
                async with self.database.transaction() as tx:
                    await self.act(self.unit(tx), customer, action)
            await self.check(customer)
        await self.close_what_is_due(customer)
        await self.check(customer)
        assert await self.due(customer) == []

    async def act(self, unit: Unit, customer: Customer, action: str) -> None:
        live = await subscription_of(unit.tx, customer.id)
        assert live is not None, "a customer always has one"
        verbs = {"cancel": request_cancel, "resume": keep, "stop": cancel_now}
        verbs |= {"fail": mark_past_due, "pay": mark_active}
        if action in verbs:
            await verbs[action](unit, live.id)
        elif action != "nothing":
            plan_key = {"upgrade": "enterprise", "downgrade": "free", "yearly": "pro"}[action]
            cycle: Interval = "year" if action == "yearly" else "month"
            plan = await current_plan(unit.tx, plan_key, unit.now)
            await change_plan(unit, subscription_id=live.id, plan_version=plan, at=unit.now, interval=cycle)

    async def periods(self, customer_id: UUID) -> list[Period]:
        async with self.database.read() as tx:
            history = await subscription_history(tx, customer_id)
            found = [each for subscription in history for each in await periods_of(tx, subscription.id)]
        return sorted(found, key=lambda each: each.start_at)

    async def due(self, customer: Customer) -> list[Period]:
        now = self.clock.now()
        return [
            each for each in await self.periods(customer.id) if each.status == "open" and each.end_at + GRACE <= now
        ]

    async def close_what_is_due(self, customer: Customer) -> None:
        while found := await self.due(customer):
            for each in found:
                async with self.database.transaction() as tx:
                    await close_and_open_next(self.unit(tx), each.id)

    async def check(self, customer: Customer) -> None:
        async with self.database.read() as tx:
            history = await subscription_history(tx, customer.id)
        assert sum(each.status in LIVE for each in history) == 1
        found = await self.periods(customer.id)
        assert found[0].start_at == START
        assert all(before.end_at == after.start_at for before, after in pairwise(found)), "no gap, no overlap"
        assert all(each.start_at < each.end_at <= each.planned_end_at for each in found)
        closed = [each.status == "closed" for each in found]
        assert all(each.end_at <= self.clock.now() for each in found if each.status == "closed")
        assert not closed[-1], "the newest period is open"


@pytest.mark.slow
def test_stored_periods_tile_the_time_of_a_customer(database_url: str) -> None:
    loop = asyncio.new_event_loop()
    database = Database(database_url, max_size=2)

    def run(work: Awaitable[T]) -> T:
        async def finish() -> T:
            return await work

        return loop.run_until_complete(finish())

    @settings(max_examples=40, deadline=None)
    @given(steps, zones, st.booleans())
    def every_history(plan: list[tuple[str, int]], zone: str, lagging: bool) -> None:
        run(History(database, zone).live_through(plan, lagging=lagging))

    run(database.open())
    try:
        every_history()
    finally:
        run(database.close())
        loop.close()
