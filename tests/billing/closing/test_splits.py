"""Any way to cut the same periods into batches gives the same invoices, byte for byte but for ids and numbers."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import subscriptions
from autorisen.billing import close_due
from autorisen.billing.closing.close_periods import close_held
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from tests.factories.billing import START
from tests.factories.closing import Subscriber, contents, numbers, run_agents, subscribers

NUMBER = 9
USE = (0, 1, 2_000, 2_001, 5_000, 49, 50, 51, 3)


@pytest.fixture
async def over(runtime: Runtime, clock: FrozenClock) -> list[Subscriber]:
    """The second month of nine customers is over; four of them used more in the first than was billed."""
    found = await subscribers(runtime, NUMBER, plans=("pro", "free", "enterprise"))
    async with runtime.unit() as unit:
        await subscriptions.request_cancel(unit, found[6].period.subscription_id)
    clock.set(found[-1].period.end_at + timedelta(hours=1))
    for each, executions in zip(found, USE, strict=True):
        await run_agents(runtime, each.customer, executions, at=START + timedelta(days=7))
    await close_due(runtime)
    for each in found[::2]:
        await run_agents(runtime, each.customer, 60, at=START + timedelta(days=8), prefix="late")
    clock.advance(timedelta(days=31))
    return found


async def closed_in(runtime: Runtime, batches: list[list[int]], found: list[Subscriber]) -> tuple[list[Any], list[str]]:
    """What closing these batches of the second month writes; nothing of it stays."""
    async with runtime.unit() as unit:
        periods = []
        for each in found:
            live = await subscriptions.subscription_of(unit.tx, each.customer.id)
            assert live is not None
            periods.append(await subscriptions.current_period(unit.tx, live.id))
        async with unit.tx.transaction(force_rollback=True):
            for batch in batches:
                _, failures = await close_held(unit, [periods[place].id for place in batch])
                assert not failures
            return await contents(unit.tx), await numbers(unit.tx)


@st.composite
def cuts(draw: st.DrawFn) -> list[list[int]]:
    order = draw(st.permutations(range(NUMBER)))
    edges = [0, *sorted(draw(st.sets(st.integers(1, NUMBER - 1)))), NUMBER]
    return [list(order[start:end]) for start, end in pairwise(edges)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=cuts())
async def test_any_split_gives_the_same_invoices(
    runtime: Runtime, over: list[Subscriber], batches: list[list[int]]
) -> None:
    alone, one_by_one = await closed_in(runtime, [[place] for place in range(NUMBER)], over)
    together, at_once = await closed_in(runtime, batches, over)
    assert together == alone
    assert at_once == one_by_one
    assert sum(row[1] is not None for row in together) > NUMBER
