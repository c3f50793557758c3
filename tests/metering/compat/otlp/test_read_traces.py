"""Our reader of OTLP against OpenTelemetry's own messages, and against what is none."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from autorisen.kit.problems import MalformedBody, Problem
from autorisen.metering.compat.otlp.answer import JSON, PROTOBUF, receipt_body
from autorisen.metering.compat.otlp.gen_ai import ATTRIBUTES
from autorisen.metering.compat.otlp.model import TraceReceipt
from autorisen.metering.compat.otlp.protobuf import bytes_field, number_field
from autorisen.metering.compat.otlp.read_traces import spans_of_json, spans_of_protobuf
from autorisen.metering.errors import TooManyEvents

_texts = st.text(max_size=20)
_values = st.one_of(
    st.builds(AnyValue, string_value=_texts),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, double_value=st.floats()),
    st.builds(AnyValue, bytes_value=st.binary(max_size=9)),
    st.just(AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)]))),
    st.just(AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="model")]))),
    st.just(AnyValue()),
)
_keys = st.one_of(st.sampled_from(sorted(ATTRIBUTES)), _texts)
_attributes = st.lists(st.builds(KeyValue, key=_keys, value=_values), max_size=5)
_spans = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent_span_id=st.sampled_from([b"", b"12345678", b"odd"]),
    trace_state=_texts,
    flags=st.integers(0, 2**32 - 1),
    name=_texts,
    start_time_unix_nano=st.integers(0, 2**64 - 1),
    end_time_unix_nano=st.integers(0, 2**64 - 1),
    attributes=_attributes,
    events=st.lists(st.builds(Span.Event, name=_texts, attributes=_attributes), max_size=2),
    dropped_events_count=st.integers(0, 9),
)
_scopes = st.builds(ScopeSpans, spans=st.lists(_spans, max_size=3), schema_url=_texts)
_resources = st.builds(
    ResourceSpans,
    resource=st.builds(Resource, attributes=_attributes),
    scope_spans=st.lists(_scopes, max_size=2),
)
requests = st.builds(ExportTraceServiceRequest, resource_spans=st.lists(_resources, max_size=3))


def value_of(value: AnyValue) -> Any:
    """What we keep of a value, by the official reading of it."""
    kind = value.WhichOneof("value")
    if kind == "double_value":
        number = Decimal(repr(value.double_value))
        return number if number.is_finite() else str(number)
    return getattr(value, kind) if kind in ("string_value", "int_value", "bool_value") else None


def kept(attributes: Any) -> dict[str, Any]:
    values = [(each.key, value_of(each.value)) for each in attributes if each.key in ATTRIBUTES]
    return {key: value for key, value in values if value is not None}


def expected(request: ExportTraceServiceRequest) -> list[tuple[Any, ...]]:
    return [
        (
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.name,
            span.start_time_unix_nano // 1000,
            span.end_time_unix_nano // 1000,
            kept(span.attributes),
            kept(resource.resource.attributes),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def read(body: bytes) -> list[tuple[Any, ...]]:
    return [tuple(getattr(span, name) for name in span.__slots__) for span in spans_of_protobuf(body)]


@given(requests)
def test_every_message_is_read_as_its_authors_read_it(request: ExportTraceServiceRequest) -> None:
    assert read(request.SerializeToString()) == expected(request)


@given(st.one_of(st.binary(max_size=200), st.builds(lambda made, cut, junk: made.SerializeToString()[:cut] + junk,
       requests, st.integers(0, 200), st.binary(max_size=20))))  # fmt: skip
def test_bytes_that_are_none_are_refused_and_nothing_else_happens(body: bytes) -> None:
    with suppress(Problem):
        spans_of_protobuf(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",  # a message without its length
        b"\x0a\x05abc",  # shorter than it says
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of more than 10 bytes
        b"\x0b\x0c",  # a group, given up by protobuf itself
        b"\x02\x00",  # field 0
        number_field(1, 1),  # a number where messages are
        b'{"resourceSpans": []}',
    ],
)
def test_what_is_no_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        spans_of_protobuf(body)


def test_more_spans_than_a_batch_holds_are_refused_before_they_take_memory() -> None:
    bomb = bytes_field(1, bytes_field(2, bytes_field(2, b"") * 1_000_000))
    assert len(bomb) < 2_100_000
    with pytest.raises(TooManyEvents):
        spans_of_protobuf(bomb)


def test_json_is_read_like_protobuf() -> None:
    span = {
        "traceId": "0AF7651916CD43DD8448EB211C80319C",
        "spanId": "B7AD6B7169203331",
        "parentSpanId": "",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": "1772350000000000000",
        "endTimeUnixNano": 1772350001000000000,
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
            {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 3}},
            {"key": "gen_ai.usage.reasoning_tokens", "value": {"doubleValue": 2.0}},
            {"key": "gen_ai.input.messages", "value": {"stringValue": "a secret"}},
            {"key": "gen_ai.system", "value": {"arrayValue": {"values": []}}},
        ],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": [span]}]}]}
    (read,) = spans_of_json(json.dumps(body).encode())
    assert (read.trace_id, read.span_id, read.parent_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "")
    assert (read.started_us, read.ended_us) == (1772350000000000, 1772350001000000)
    assert read.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.reasoning_tokens": 2,
    }
    assert read.resource == {"service.name": "shop"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [1]}',
        b'{"resourceSpans": [{"resource": 1}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [[]]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "llm.system", "value": 1}]}]}]}]}',
        b"\xff",
    ],
)
def test_json_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        spans_of_json(body)


@pytest.mark.parametrize("rejected", [0, 1, 300])
def test_answers_are_read_by_their_authors(rejected: int) -> None:
    receipt = TraceReceipt(rejected, "span ü" if rejected else "")
    answer = ExportTraceServiceResponse.FromString(receipt_body(receipt, PROTOBUF))
    assert (answer.partial_success.rejected_spans, answer.partial_success.error_message) == (rejected, receipt.reason)
    said = json.loads(receipt_body(receipt, JSON)).get("partialSuccess", {"rejectedSpans": "0", "errorMessage": ""})
    assert said == {"rejectedSpans": str(rejected), "errorMessage": receipt.reason}
