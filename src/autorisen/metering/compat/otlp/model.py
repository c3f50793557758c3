"""Spans as they are read, as far as counting needs them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

Value = str | int | Decimal | bool


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a request. Ids are lower-case hex; `parent_id` is empty at the root of a trace. Times count µs."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    started_us: int
    ended_us: int
    attributes: Mapping[str, Value]
    resource: Mapping[str, Value]


class Role(StrEnum):
    """What a span stands for: one model call, a tool that an agent ran, a sum over what is below it, anything else."""

    CALL = "call"
    TOOL = "tool"
    SUM = "sum"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Node:
    """A span in its trace, and whether it reports usage."""

    span_id: str
    parent_id: str
    role: Role
    started_us: int
    ended_us: int
    reports_usage: bool


class State(StrEnum):
    """What became of the usage that a span reports."""

    NONE = "none"
    REPEATED = "repeated"
    COUNTED = "counted"
    REJECTED = "rejected"


@dataclass(frozen=True)
class TraceReceipt:
    """What became of the spans of a request: how many could not be taken, and the first reason. Others are kept."""

    rejected: int
    reason: str
