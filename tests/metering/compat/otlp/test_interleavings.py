"""Spans of a trace in any order, in any requests, sent again, at the same time: each model call counts once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import metering
from autorisen.kit.unit import Runtime
from autorisen.metering.compat.otlp.gen_ai import reports_usage, role
from autorisen.metering.compat.otlp.model import Node, Span
from autorisen.metering.compat.otlp.model_calls import counting_spans
from autorisen.metering.compat.otlp.take_traces import SPANS_KEPT_MAX, take_traces
from tests.factories.accounts import make_customer
from tests.factories.metering import METERS
from tests.metering.compat.otlp.traces import Recorder, Work, agent, call, other, tool, works

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
_runs = itertools.count(1)


class Ledger:
    """A customer of its own, and the traces that are taken in for it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.run = next(_runs)
        self.known: dict[str, Span] = {}

    async def open(self) -> None:
        async with self.runtime.unit() as unit:
            await metering.apply_meters(unit, METERS)
            self.customer = await make_customer(unit, key=f"acme-{self.run}")

    def spans(self, work: Work, number: int = 0) -> list[Span]:
        trace_id = f"{self.run:016x}{number + 1:016x}"
        return Recorder(trace_id, resource={"autorisen.customer": self.customer.key}).record(work)

    async def take(self, spans: Sequence[Span]) -> None:
        async with self.runtime.unit() as unit:
            receipt = await take_traces(unit, None, None, spans)
        assert receipt.rejected == 0

    async def tokens(self) -> int:
        async with self.runtime.database.read() as tx:
            found = await metering.quantity(
                tx, customer_id=self.customer.id, meter="llm.input_tokens", start=START, end=END
            )
        return int(found.quantity)


def by_rule(spans: Iterable[Span]) -> int:
    """What counts of these spans of one trace, by the rule on all of them at once."""
    known = {span.span_id: span for span in spans}
    nodes = {
        id: Node(id, span.parent_id, role(span), span.started_us, span.ended_us, reports_usage(span))
        for id, span in known.items()
    }
    return sum(int(known[id].attributes["gen_ai.usage.input_tokens"]) for id in counting_spans(nodes))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(work=works, data=st.data())
async def test_any_interleaving_counts_each_model_call_once(runtime: Runtime, work: Work, data: st.DataObject) -> None:
    """Goal: after every request, what counts is what the rule says of all that arrived; in the end, what was used."""
    ledger = Ledger(runtime)
    await ledger.open()
    spans = ledger.spans(work)
    order = data.draw(st.permutations(spans)) + data.draw(st.lists(st.sampled_from(spans), max_size=3))
    arrived: list[Span] = []
    while order:
        size = data.draw(st.integers(1, len(order)))
        request, order = order[:size], order[size:]
        await ledger.take(request)
        arrived += request
        assert await ledger.tokens() == by_rule(arrived)
    assert await ledger.tokens() == work.used


TEAM = agent(call(3), tool(agent(call(5), agent(tokens=7))), other(call(11, tool(call(13)))), call(17, repeats=True))


async def test_requests_of_one_trace_at_the_same_time(runtime: Runtime) -> None:
    """Goal: every span in a request of its own, all at once, nothing sent again that would mend what went wrong."""
    ledger = Ledger(runtime)
    await ledger.open()
    for number in range(4):
        spans = [*ledger.spans(TEAM, 2 * number), *ledger.spans(TEAM, 2 * number + 1)]
        await asyncio.gather(*(ledger.take([span]) for span in spans))
        assert await ledger.tokens() == 2 * (number + 1) * TEAM.used


async def test_what_was_taken_back_counts_again_once_it_is_known_to_be_alone(runtime: Runtime) -> None:
    """Goal: an agent elsewhere counts, then might repeat a call of unknown parent, and counts when that is seen."""
    ledger = Ledger(runtime)
    await ledger.open()
    remote, inner, step, _ = ledger.spans(agent(agent(tokens=5), other(call(7)), repeats=False))
    late = replace(inner, started_us=remote.started_us, ended_us=remote.ended_us)
    await ledger.take([remote])
    assert await ledger.tokens() == 5
    await ledger.take([late])
    assert await ledger.tokens() == 7
    await ledger.take([step])
    assert await ledger.tokens() == 12
    async with runtime.database.read() as tx:
        events = await metering.recent_events(tx, customer_id=ledger.customer.id, type=None, after=None, limit=10)
    base = f"{remote.trace_id}-{remote.span_id}"
    assert {event.id for event in events} == {base, f"{base}-1", f"{late.trace_id}-{late.span_id}"}


async def test_a_trace_larger_than_what_is_kept_still_counts_once(runtime: Runtime) -> None:
    """Goal: a process that traces its whole life in one trace neither fills the store nor counts its calls twice."""
    ledger = Ledger(runtime)
    await ledger.open()
    step = agent(call(3), tool(*(other() for _ in range(7))))
    spans = ledger.spans(agent(*(step for _ in range(1_200)), agent(tokens=5)))
    assert len(spans) == 1_200 * 10 + 2
    for place in range(0, len(spans), 1_999):
        await ledger.take(spans[place : place + 1_999])
    assert await ledger.tokens() == 1_200 * 3 + 5
    for place in range(0, len(spans), 777):  # cut anew by a collector, and sent again
        await ledger.take(spans[place : place + 777])
    assert await ledger.tokens() == 1_200 * 3 + 5
    async with runtime.database.read() as tx:
        cursor = await tx.execute("SELECT spans FROM metering.traces UNION ALL SELECT count(*) FROM metering.spans")
        noted, kept = (number for (number,) in await cursor.fetchall())
    assert noted == kept < len(spans)


async def test_beyond_all_that_is_kept_calls_count_and_sums_do_not(runtime: Runtime) -> None:
    """Goal: what is not kept can't be told from what was repeated; customers are rather not charged twice."""
    ledger = Ledger(runtime)
    await ledger.open()
    spans = ledger.spans(agent(*(call(1) for _ in range(SPANS_KEPT_MAX * 3)), agent(call(7)), agent(tokens=5)))
    for place in range(0, len(spans) - 4, 5_000):
        await ledger.take(spans[place : place + 5_000])
    assert await ledger.tokens() == SPANS_KEPT_MAX * 3
    await ledger.take(spans[-4:])
    assert await ledger.tokens() == SPANS_KEPT_MAX * 3 + 7
