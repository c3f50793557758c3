"""Traces of agents at work, with what their model calls really used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from hypothesis import strategies as st

from autorisen.metering.compat.otlp.model import Span, Value

BEGUN_US = 1_772_350_000_000_000  # 2026-03-01T07:26:40Z
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Work:
    """Something that happened: a model call, an agent, a tool, anything else; with what happened inside."""

    kind: str
    tokens: int = 0
    inside: tuple[Work, ...] = ()
    # An agent that reports the sum of its calls; a call that a second instrumentation reports as well.
    repeats: bool = False

    @property
    def used(self) -> int:
        return self.tokens + sum(each.used for each in self.inside)


def call(tokens: int, *inside: Work, repeats: bool = False) -> Work:
    return Work("call", tokens, inside, repeats)


def agent(*inside: Work, tokens: int = 0, repeats: bool = True) -> Work:
    return Work("agent", tokens, inside, repeats)


def tool(*inside: Work) -> Work:
    return Work("tool", 0, inside)


def other(*inside: Work) -> Work:
    return Work("other", 0, inside)


_tokens = st.integers(1, 1_000)
# A model call whose tool ran a model call of its own, an agent elsewhere of which only the sum is known, and so on.
leaves = st.one_of(
    st.builds(call, _tokens, repeats=st.booleans()),
    st.builds(lambda tokens: agent(tokens=tokens), _tokens),
    st.just(other()),
    st.just(tool()),
)


def _inside(children: st.SearchStrategy[Work]) -> st.SearchStrategy[Work]:
    some = st.lists(children, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(lambda inside, repeats: agent(*inside, repeats=repeats), some, st.booleans()),
        st.builds(lambda inside: tool(*inside), some),
        st.builds(lambda inside: other(*inside), some),
        st.builds(lambda tokens, inside: call(tokens, tool(*inside)), _tokens, some),
    )


works: st.SearchStrategy[Work] = st.recursive(leaves, _inside, max_leaves=8)


@dataclass
class Recorder:
    """Makes the spans that instrumentation would record of some work."""

    trace_id: str
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, Value] = field(default_factory=lambda: {"autorisen.customer": "acme"})
    numbers: count[int] = field(default_factory=lambda: count(1))
    clock: int = BEGUN_US

    def record(self, work: Work, parent_id: str = "") -> list[Span]:
        """All spans of the trace so far, the work's after what it caused: as they end."""
        span = self._begin(work, parent_id)
        inner = span
        if work.kind == "call" and work.repeats:
            inner = self._begin(work, span.span_id)
        for each in work.inside:
            self.record(each, inner.span_id)
        if inner is not span:
            self._end(inner)
        self._end(span)
        return self.spans

    def _begin(self, work: Work, parent_id: str) -> Span:
        self.clock += SECOND_US
        attributes: dict[str, Value] = {}
        operations = {"call": "chat", "agent": "invoke_agent", "tool": "execute_tool"}
        if work.kind in operations:
            attributes["gen_ai.operation.name"] = operations[work.kind]
        own = work.kind == "call" or (work.kind == "agent" and work.tokens)
        if own or (work.kind == "agent" and work.repeats and work.used):
            used = work.tokens if own else work.used
            attributes |= {"gen_ai.usage.input_tokens": used, "gen_ai.usage.output_tokens": 1}
        id = f"{next(self.numbers):016x}"
        return Span(self.trace_id, id, parent_id, work.kind, self.clock, 0, attributes, self.resource)

    def _end(self, span: Span) -> None:
        self.clock += SECOND_US
        self.spans.append(replace(span, ended_us=self.clock))
