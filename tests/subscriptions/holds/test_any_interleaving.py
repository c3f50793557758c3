"""Any sequence of holds, draws, settlements, releases, expiries and usage equals a plain Python model of it.

Never over: what was granted and what was settled under holds stays within the allowance, whatever ordinary usage does.
A refused operation changes nothing: after every step all stored holds equal the model's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from autorisen.kit.clock import FrozenClock
from autorisen.kit.database import Database
from autorisen.kit.ids import seeded_ids
from autorisen.kit.problems import Problem
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Unit
from autorisen.metering import ingest, new_event
from autorisen.subscriptions import draw_hold, find_hold, hold_quota, quota, release_hold, settle_hold
from autorisen.subscriptions.holds.expire_holds import expire_holds
from tests.factories.subscriptions import subscribe

T = TypeVar("T")
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TOKENS = "llm.output_tokens"
INCLUDED = Decimal(50_000)
_numbers = count(1)

amounts = st.one_of(
    st.integers(0, 30_000).map(Decimal), st.sampled_from(["0.000000000001", "24999.999999999999", "50000"]).map(Decimal)
)
keys = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@dataclass
class ModelHold:
    """A hold as a person would keep it on paper."""

    quantity: Decimal
    seconds: int
    expires_at: datetime
    draws: dict[int, Decimal] = field(default_factory=dict)
    end: str = ""
    used: Decimal = Decimal(0)

    @property
    def drawn(self) -> Decimal:
        return sum(self.draws.values(), Decimal(0))

    def pass_time(self, now: datetime) -> None:
        if not self.end and self.expires_at <= now:
            self.end, self.used = "expired", self.drawn


class Holders(RuleBasedStateMachine):
    database: Database
    run: Callable[[Awaitable[Any]], Any]

    def __init__(self) -> None:
        super().__init__()
        self.clock = FrozenClock(START)
        self.ids = seeded_ids(self.clock, next(_numbers))
        self.subject = f"customer-{next(_numbers)}"
        self.holds: dict[str, ModelHold] = {}
        self.hold_ids: dict[str, UUID] = {}
        self.arrived = Decimal(0)

        async def begin(unit: Unit) -> UUID:
            customer, _ = await subscribe(unit, plan_key="free", key=self.subject)
            return customer.id

        self.customer_id: UUID = self.do(begin)

    def do(self, work: Callable[[Unit], Coroutine[Any, Any, T]]) -> T:
        async def unit() -> T:
            async with self.database.transaction() as tx:
                return await work(Unit(tx, self.clock.now(), self.clock.now(), self.ids, Settings()))

        result: T = type(self).run(unit())
        return result

    def outcome(self, work: Callable[[Unit], Coroutine[Any, Any, object]]) -> str:
        try:
            self.do(work)
        except Problem as problem:
            return problem.code
        return "done"

    @property
    def used(self) -> Decimal:
        return self.arrived + sum((each.used for each in self.holds.values()), Decimal(0))

    @property
    def held(self) -> Decimal:
        return sum((each.quantity for each in self.holds.values() if not each.end), Decimal(0))

    @property
    def room(self) -> Decimal:
        return INCLUDED - self.used - self.held

    @rule(key=keys, quantity=amounts, seconds=st.sampled_from([30, 90]))
    def hold(self, key: str, quantity: Decimal, seconds: int) -> None:
        known = self.holds.get(key)
        if quantity == 0:
            expected = "invalid_input"
        elif known:
            expected = "done" if (known.quantity, known.seconds) == (quantity, seconds) else "hold_key_taken"
        else:
            expected = "done" if quantity <= self.room else "quota_exceeded"

        async def work(unit: Unit) -> None:
            made = await hold_quota(
                unit,
                customer_id=self.customer_id,
                meter=TOKENS,
                quantity=quantity,
                key=key,
                expires_in=timedelta(seconds=seconds),
            )
            self.hold_ids[key] = made.id

        assert self.outcome(work) == expected
        if expected == "done" and not known:
            self.holds[key] = ModelHold(quantity, seconds, self.clock.now() + timedelta(seconds=seconds))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), quantity=amounts, sequence=st.integers(1, 3))
    def draw(self, data: st.DataObject, quantity: Decimal, sequence: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.holds)))
        each = self.holds[key]
        if sequence in each.draws:
            expected = "done" if each.draws[sequence] == quantity else "draw_conflict"
        elif each.end:
            expected = "hold_ended"
        elif quantity == 0:
            expected = "invalid_input"
        else:
            expected = "done" if each.drawn + quantity <= each.quantity else "hold_exhausted"
        assert (
            self.outcome(lambda u: draw_hold(u, self.hold_ids[key], quantity=quantity, sequence=sequence)) == expected
        )
        if expected == "done":
            each.draws[sequence] = quantity

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), quantity=amounts, exactly=st.booleans())
    def settle(self, data: st.DataObject, quantity: Decimal, exactly: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.holds)))
        each = self.holds[key]
        quantity = each.quantity if exactly else quantity
        if each.end:
            expected = "done" if (each.end, each.used) == ("settled", quantity) else "hold_ended"
        elif quantity < each.drawn:
            expected = "invalid_input"
        else:
            fits = quantity <= each.quantity or quantity - each.quantity <= self.room
            expected = "done" if fits else "quota_exceeded"
        assert self.outcome(lambda u: settle_hold(u, self.hold_ids[key], quantity=quantity, data={})) == expected
        if expected == "done":
            each.end, each.used = "settled", quantity

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.holds)))
        each = self.holds[key]
        expected = "hold_ended" if each.end == "settled" else "done"
        assert self.outcome(lambda u: release_hold(u, self.hold_ids[key])) == expected
        if not each.end:
            each.end, each.used = "released", each.drawn

    @rule(seconds=st.sampled_from([1, 30, 60]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        for each in self.holds.values():
            each.pass_time(self.clock.now())

    @rule()
    def the_worker_runs(self) -> None:
        self.do(lambda unit: expire_holds(unit, {}))

    @rule(quantity=st.integers(0, 40_000))
    def usage_arrives(self, quantity: int) -> None:
        event = {
            "specversion": "1.0",
            "id": f"event-{next(_numbers)}",
            "source": "/tests",
            "type": "llm.completion",
            "subject": self.subject,
            "data": {"input_tokens": 0, "output_tokens": quantity},
        }
        self.do(lambda unit: ingest(unit, None, [new_event(event)]))
        self.arrived += quantity

    @invariant()
    def equals_the_model(self) -> None:
        async def look(unit: Unit) -> None:
            now = await quota(unit.tx, customer_id=self.customer_id, meter=TOKENS, now=unit.now, wall_now=unit.wall_now)
            # What was drawn of an overdue hold is held until somebody writes it down as used; the room is the same.
            assert now.used + now.held == self.used + self.held
            assert now.left == max(self.room, Decimal(0))
            for key, each in self.holds.items():
                found = await find_hold(unit.tx, self.hold_ids[key], wall_now=unit.wall_now)
                assert (str(found.status), found.quantity, found.drawn) == (
                    each.end or "held",
                    each.quantity,
                    each.drawn,
                )
                assert found.used == (each.used if each.end else None)

        self.do(look)
        assert self.used - self.arrived + self.held <= INCLUDED, "holds never take more than there is"


@pytest.mark.slow
def test_any_interleaving_equals_the_model(database_url: str) -> None:
    loop = asyncio.new_event_loop()
    database = Database(database_url, max_size=2)

    def run(work: Awaitable[Any]) -> Any:
        async def finish() -> Any:
            return await work

        return loop.run_until_complete(finish())

    machine = type("HoldersHere", (Holders,), {"database": database, "run": staticmethod(run)})
    run(database.open())
    try:
        run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=25, deadline=None))
    finally:
        run(database.close())
        loop.close()
