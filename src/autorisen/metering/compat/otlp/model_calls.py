"""Which spans of a trace count, so that each model call counts once. Pure.

Agents, chains and workflows report the tokens of the model calls below them once more, and so does a call that two
instrumentations report, one inside the other. The rule: **a span counts unless a span that reports usage lies below
it.** A model call that ran inside a tool of an outer model call is another call, and both count.

It is a function of the set of spans, so the order of their arrival does not matter. Where a span between two others
never arrived (a filter dropped it, or it is still running), nobody knows what lies above: then a sum that began before
and ended after the call, and could be above it, counts as repeating it. Customers are rather not charged twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autorisen.metering.compat.otlp.model import Node, Role

# Nobody nests agents so deep; beyond it a path counts as broken off, and a trace can't take our time.
_DEPTH_MAX = 200


@dataclass(frozen=True, slots=True)
class _Path:
    """What lies above a span, nearest first, and the id at which the path breaks off; empty when it ends at a root."""

    above: tuple[Node, ...]
    missing: str


def counting_spans(nodes: Mapping[str, Node]) -> frozenset[str]:
    """The ids of the spans whose usage counts."""
    reporting = [node for node in nodes.values() if node.reports_usage]
    paths = {node.span_id: _path(node, nodes) for node in reporting}
    repeating: set[str] = set()
    for node in reporting:
        repeating.update(_repeating_above(node, paths[node.span_id].above))
    repeating.update(_perhaps_above(reporting, {id: path.missing for id, path in paths.items()}))
    return frozenset(node.span_id for node in reporting if node.span_id not in repeating)


def _path(node: Node, nodes: Mapping[str, Node]) -> _Path:
    above: list[Node] = []
    seen = {node.span_id}
    parent_id = node.parent_id
    while parent_id and parent_id not in seen:  # a circle is no trace, and must not stop us
        parent = nodes.get(parent_id)
        if parent is None or len(above) == _DEPTH_MAX:
            return _Path(tuple(above), parent_id)
        above.append(parent)
        seen.add(parent_id)
        parent_id = parent.parent_id
    return _Path(tuple(above), "")


def _repeating_above(node: Node, above: tuple[Node, ...]) -> list[str]:
    """Which of the spans above repeat what the node reports."""
    repeating = []
    tool_between = node.role is Role.TOOL
    for other in above:
        if other.reports_usage and not (other.role is Role.CALL and tool_between):
            repeating.append(other.span_id)
        tool_between = tool_between or other.role is Role.TOOL
    return repeating


def _perhaps_above(reporting: Sequence[Node], missing: Mapping[str, str]) -> Iterator[str]:
    """The sums that could lie above a span that is missing over some call, since they enclose the call in time.

    A sum whose own path breaks off at that same span is below it. In one pass from the latest start backwards: of all
    that began since, the earliest ends under two different missing spans, so that one of them is not the sum's own.
    """
    broken = [(-node.started_us, False, node) for node in reporting if missing[node.span_id]]
    sums = [(-node.started_us, True, node) for node in reporting if node.role is Role.SUM]
    earliest: list[tuple[int, str]] = []
    # Of those with one start the broken paths come first: a sum encloses what began with it.
    for _, is_asked, node in sorted((*broken, *sums), key=lambda each: each[:2]):
        own = missing[node.span_id]
        if is_asked:
            if any(end <= node.ended_us and over != own for end, over in earliest):
                yield node.span_id
            continue
        ends = [node.ended_us, *(end for end, over in earliest if over == own)]
        earliest = sorted([*(each for each in earliest if each[1] != own), (min(ends), own)])[:2]
