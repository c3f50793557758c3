"""Each model call counts once: the rule by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.metering.compat.otlp.gen_ai import reports_usage, role
from autorisen.metering.compat.otlp.model import Node, Role, Span
from autorisen.metering.compat.otlp.model_calls import counting_spans
from tests.metering.compat.otlp.traces import Recorder, Work, agent, call, other, tool, works

TRACE = "0af7651916cd43dd8448eb211c80319c"


def node(span: Span) -> Node:
    return Node(span.span_id, span.parent_id, role(span), span.started_us, span.ended_us, reports_usage(span))


def counted(spans: Iterable[Span]) -> int:
    known = {span.span_id: span for span in spans}
    counting = counting_spans({id: node(span) for id, span in known.items()})
    return sum(int(known[id].attributes["gen_ai.usage.input_tokens"]) for id in counting)


@pytest.mark.parametrize(
    "work",
    [
        call(5),
        agent(call(5), call(7)),
        agent(agent(call(5)), agent(call(7)), call(11)),
        agent(other(agent(other(call(5)))), repeats=False),
        agent(tokens=5),  # an agent elsewhere, of which only the sum is known
        agent(call(3), agent(tokens=5), other(agent(tokens=7))),
        call(5, repeats=True),  # two instrumentations, one inside the other
        agent(call(5, repeats=True), call(5, repeats=True)),
        call(5, tool(call(7))),  # the tool of one call makes another call
        call(5, tool(agent(call(7), call(11, tool(call(13)))))),
        agent(tool(call(5)), tool(other(agent(tokens=7)))),
        other(),
    ],
    ids=repr,
)
def test_what_was_used_is_counted(work: Work) -> None:
    assert counted(Recorder(TRACE).record(work)) == work.used


@given(works)
def test_whatever_happened_counts_once(work: Work) -> None:
    assert counted(Recorder(TRACE).record(work)) == work.used


@given(works, st.data())
def test_it_counts_once_although_spans_between_never_arrive(work: Work, data: st.DataObject) -> None:
    """Goal: a filter that lets only some of the spans without usage through changes nothing."""
    spans = Recorder(TRACE).record(work)
    silent = [span.span_id for span in spans if not reports_usage(span)]
    lost = data.draw(st.sets(st.sampled_from(silent))) if silent else set()
    assert counted(span for span in spans if span.span_id not in lost) == work.used


@given(works)
def test_only_the_top_repeats_while_nothing_else_arrived(work: Work) -> None:
    """Goal: a span alone in its trace counts, whatever it stands for."""
    for span in Recorder(TRACE).record(work):
        alone = counted([span])
        assert alone == int(span.attributes.get("gen_ai.usage.input_tokens", 0))


def test_an_agent_beside_a_call_whose_parent_is_still_running_counts() -> None:
    """Goal: the usual order, in which parents come last, takes nothing back: B and C have the same missing parent."""
    spans = Recorder(TRACE).record(agent(agent(tokens=5), call(7)))
    remote, chat, root = spans
    inside = replace(chat, started_us=remote.started_us + 1, ended_us=remote.ended_us - 1)
    assert counted([remote, inside]) == 12
    assert counted([remote, inside, root]) == 12


def test_circles_and_spans_that_are_their_own_parents_end() -> None:
    spans = Recorder(TRACE).record(agent(call(5)))
    chat, root = spans
    circle = [chat, replace(root, parent_id=chat.span_id)]
    assert counted(circle) == 0, "each is below the other: no trace of anything that happened"
    assert counted([replace(chat, parent_id=chat.span_id)]) == 5


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3), st.booleans()), max_size=8))
def test_what_could_lie_above_is_found_like_by_comparing_all_with_all(
    made: list[tuple[int, int, int, bool]],
) -> None:
    """Goal: one pass finds what the definition does: a sum encloses a call, and their paths break off elsewhere."""
    nodes = {
        f"{place:x}": Node(f"{place:x}", f"missing {parent}" if parent else "", Role.SUM if is_sum else Role.CALL,
                           start, start + length, reports_usage=True)
        for place, (start, length, parent, is_sum) in enumerate(made)
    }  # fmt: skip
    repeating = {
        above.span_id
        for above in nodes.values()
        for below in nodes.values()
        if above.role is Role.SUM and below.parent_id and above.parent_id != below.parent_id
        and above.started_us <= below.started_us and below.ended_us <= above.ended_us
    }  # fmt: skip
    assert counting_spans(nodes) == nodes.keys() - repeating


def test_a_chain_of_ten_thousand_agents_ends() -> None:
    last = 10_000
    nodes = {
        f"{place}": Node(f"{place}", f"{place - 1}", Role.SUM if place < last else Role.CALL, place, 2 * last - place,
                         reports_usage=True)
        for place in range(last + 1)
    }  # fmt: skip
    assert counting_spans(nodes) == {f"{last}"}
