"""`record` refuses what the server would refuse, names the field, and keeps what the server would take."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.client import InvalidEvent
from autorisen.client.encode_event import encode_event
from autorisen.metering.decode import decode_body, read_event
from autorisen.metering.model import Event
from tests.client.conftest import Connect
from tests.client.producer import START

NOWHERE = "http://127.0.0.1:9"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"a": value}


def looped() -> Any:
    data: dict[str, Any] = {}
    data["self"] = data
    return data


HOSTILE: list[tuple[str, Callable[[], dict[str, Any]]]] = [
    ("/data/tokens", lambda: {"data": {"tokens": math.nan}}),
    ("/data/tokens", lambda: {"data": {"tokens": math.inf}}),
    ("/data/tokens", lambda: {"data": {"tokens": -math.inf}}),
    ("/data/tokens", lambda: {"data": {"tokens": Decimal("NaN")}}),
    ("/data/tokens", lambda: {"data": {"tokens": Decimal("sNaN")}}),
    ("/data/tokens", lambda: {"data": {"tokens": Decimal("1e400")}}),
    ("/data/tokens", lambda: {"data": {"tokens": 5e-324}}),
    ("/data/tokens", lambda: {"data": {"tokens": 10**64}}),
    ("/data/tokens", lambda: {"data": {"tokens": Decimal("0." + "1" * 64)}}),
    ("/data/a/1/b~1c~0d", lambda: {"data": {"a": [0, {"b/c~d": math.nan}]}}),
    ("/data/tokens", lambda: {"data": {"tokens": 1j}}),
    ("/data/tokens", lambda: {"data": {"tokens": b"12"}}),
    ("/data/tokens", lambda: {"data": {"tokens": datetime(2026, 3, 1, tzinfo=UTC)}}),
    ("/data/tokens", lambda: {"data": {"tokens": UUID(int=0)}}),
    ("/data/tokens", lambda: {"data": {"tokens": {1, 2}}}),
    ("/data/tokens", lambda: {"data": {"tokens": object()}}),
    ("/data", lambda: {"data": {1: 2}}),
    ("/data", lambda: {"data": {None: 2}}),
    ("/data", lambda: {"data": [1]}),
    ("/data", lambda: {"data": "text"}),
    ("/data", lambda: {"data": None}),
    ("/data/text", lambda: {"data": {"text": "\ud800"}}),
    ("/data/?", lambda: {"data": {"\ud800": 1}}),
    ("/data/text", lambda: {"data": {"text": "a\0b"}}),
    ("/data", lambda: {"data": {"text": "x" * 262_144}}),
    ("/data", lambda: {"data": nested(33)}),
    ("/data", lambda: {"data": looped()}),
    ("/type", lambda: {"type": ""}),
    ("/type", lambda: {"type": "x" * 257}),
    ("/type", lambda: {"type": 5}),
    ("/type", lambda: {"type": "a\nb"}),
    ("/subject", lambda: {"subject": ""}),
    ("/subject", lambda: {"subject": None}),
    ("/subject", lambda: {"subject": "\ud800"}),
    ("/subject", lambda: {"subject": "\ufffe"}),
    ("/id", lambda: {"id": ""}),
    ("/id", lambda: {"id": "a\0"}),
    ("/id", lambda: {"id": "x" * 257}),
    ("/id", lambda: {"id": UUID(int=7)}),
    ("/time", lambda: {"time": datetime(2026, 3, 1)}),  # noqa: DTZ001 -- naive on purpose
    ("/time", lambda: {"time": "2026-03-01T08:00:00Z"}),
    ("/time", lambda: {"time": datetime(1999, 12, 31, 23, 59, tzinfo=UTC)}),
    ("/time", lambda: {"time": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))}),
    ("/time", lambda: {"time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}),
    ("/time", lambda: {"time": START + timedelta(hours=25)}),
]


@pytest.mark.parametrize("field, make", HOSTILE, ids=[f"{number}-{each[0]}" for number, each in enumerate(HOSTILE)])
def test_hostile_input_is_refused_by_its_field(
    connect: Connect, field: str, make: Callable[[], dict[str, Any]]
) -> None:
    client = connect(NOWHERE, sending=False)
    given: dict[str, Any] = {"type": "note", "subject": "acme", "data": {}} | make()
    with pytest.raises(InvalidEvent) as raised:
        client.record(**given)
    assert raised.value.field == field
    assert raised.value.rule
    assert client.status().pending == 0


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": None, "b": True, "c": [1, (2, 3)], "d": {"e": ""}},
        {"n": 10**64 - 1, "m": -(2**63), "z": -0.0},
        {"n": 0.1, "m": 1.7e308, "o": 2.3e-308, "p": Decimal("1E+5"), "q": Decimal("1.10")},
        {"text": "ünïcode 😀 \u2028 \x01"},
        nested(31),
        {"text": "x" * 262_000},
    ],
    ids=range(7),
)
def test_what_is_allowed_arrives_exactly(data: dict[str, Any]) -> None:
    [event] = decode_body(b"[" + encode_event("id", "source", "type", "subject", START, data) + b"]", "batch")
    assert isinstance(event, Event)
    assert event.time == START
    assert {name: value for name, value in event.data.items() if not isinstance(value, list)} == {
        name: Decimal(repr(value)) if isinstance(value, float) else value
        for name, value in data.items()
        if not isinstance(value, list)
    }


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.sampled_from(["\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_texts = st.text(st.characters(), max_size=20) | st.sampled_from(["a" * 257, "\x7f", "\ufdd0", "\U0001ffff"])


@given(id=_texts, type=_texts, subject=_texts, data=st.dictionaries(st.text(max_size=5), _values, max_size=4))
def test_the_server_takes_what_is_recorded(id: str, type: str, subject: str, data: dict[str, Any]) -> None:
    """Property: an event that `record` keeps is one that the server can read, and its texts are as given."""
    try:
        body = encode_event(id, "source", type, subject, START, data)
    except InvalidEvent:
        return
    [event] = decode_body(b"[" + body + b"]", "batch")
    assert isinstance(event, Event), event
    assert (event.id, event.type, event.subject) == (id, type, subject)


@given(id=_texts, subject=_texts)
def test_attributes_are_refused_as_by_the_server(id: str, subject: str) -> None:
    """Property: of texts, `record` refuses exactly those that the server refuses."""
    raw = {"specversion": "1.0", "id": id, "source": "s", "type": "t", "subject": subject, "data": {}}
    try:
        encode_event(id, "s", "t", subject, START, {})
        kept = True
    except InvalidEvent:
        kept = False
    assert kept == isinstance(read_event(raw), Event)
