"""The spans of an OTLP request, in protobuf or JSON. Pure. Only the attributes that counting needs are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from autorisen.kit.problems import MalformedBody
from autorisen.metering.compat.otlp.gen_ai import ATTRIBUTES
from autorisen.metering.compat.otlp.model import Span, Value
from autorisen.metering.compat.otlp.protobuf import Field, double, fixed64, read_fields, signed, text
from autorisen.metering.decode import BATCH_LIMIT, exact_json
from autorisen.metering.errors import TooManyEvents

_KEYS = {name.encode(): name for name in ATTRIBUTES}
_MICRO = 1000
_US_MAX = (1 << 63) - 1


def spans_of_protobuf(body: bytes) -> list[Span]:
    """The spans of an ExportTraceServiceRequest. Raises `MalformedBody` and `TooManyEvents`."""
    return _bounded(
        _span(span, resource)
        for resource_spans in _messages(memoryview(body), 1)
        for resource in (_resource(resource_spans),)
        for scope_spans in _messages(resource_spans, 2)
        for span in _messages(scope_spans, 2)
    )


def _bounded(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        if len(found) == BATCH_LIMIT:
            raise TooManyEvents(f"send at most {BATCH_LIMIT:,} spans in one request")
        found.append(span)
    return found


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in read_fields(message):
        if number == wanted:
            if not isinstance(value, memoryview):
                raise MalformedBody(f"the body is no OTLP request: field {number} is a number")
            yield value


def _resource(resource_spans: memoryview) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for resource in _messages(resource_spans, 1):
        for attribute in _messages(resource, 1):
            _keep(attribute, found)
    return found


def _span(message: memoryview, resource: Mapping[str, Value]) -> Span:
    fields: dict[int, Field] = {}
    attributes: dict[str, Value] = {}
    for number, value in read_fields(message):
        if number == 9 and isinstance(value, memoryview):
            _keep(value, attributes)
        else:
            fields[number] = value
    name = fields.get(5)
    return Span(
        trace_id=_hex(fields.get(1)),
        span_id=_hex(fields.get(2)),
        parent_id=_hex(fields.get(4)),
        name=text(name) if name is not None else "",
        started_us=_micros(fixed64(fields.get(7, 0))),
        ended_us=_micros(fixed64(fields.get(8, 0))),
        attributes=attributes,
        resource=resource,
    )


def _hex(value: Field | None) -> str:
    return bytes(value).hex() if isinstance(value, memoryview) else ""


def _micros(nanoseconds: int) -> int:
    return min(nanoseconds // _MICRO, _US_MAX)


def _keep(attribute: memoryview, kept: dict[str, Value]) -> None:
    """Keep the attribute if it is asked for."""
    key, any_value = None, None
    for number, value in read_fields(attribute):
        if number == 1 and isinstance(value, memoryview):
            key = _KEYS.get(bytes(value))
        elif number == 2 and isinstance(value, memoryview):
            any_value = value
    if key is None or any_value is None:
        return
    for number, value in read_fields(any_value):
        if number == 1:
            kept[key] = text(value)
        elif number == 2 and isinstance(value, int):
            kept[key] = bool(value)
        elif number == 3 and isinstance(value, int):
            kept[key] = signed(value)
        elif number == 4:
            kept[key] = _whole(Decimal(double(value)))


def _whole(number: Decimal) -> Value:
    """A number that some instrumentations write as 12.0; what is no number stays a text, and breaks a rule later."""
    if not number.is_finite():
        return str(number)
    return int(number) if number == number.to_integral_value() and abs(number) < _US_MAX else number


def spans_of_json(body: bytes) -> list[Span]:
    """The spans of a request in OTLP's JSON: hex ids, 64-bit numbers as texts. Raises like `spans_of_protobuf`."""
    document = exact_json(body)
    if not isinstance(document, dict):
        raise MalformedBody("the body must be a JSON object")
    return _bounded(
        _json_span(span, resource)
        for resource_spans in _objects(document, "resourceSpans")
        for resource in (_json_attributes(_object(resource_spans, "resource")),)
        for scope_spans in _objects(resource_spans, "scopeSpans")
        for span in _objects(scope_spans, "spans")
    )


def _json_span(span: Mapping[str, object], resource: Mapping[str, Value]) -> Span:
    return Span(
        trace_id=_text(span, "traceId").lower(),
        span_id=_text(span, "spanId").lower(),
        parent_id=_text(span, "parentSpanId").lower(),
        name=_text(span, "name"),
        started_us=_micros(_unsigned(span.get("startTimeUnixNano"))),
        ended_us=_micros(_unsigned(span.get("endTimeUnixNano"))),
        attributes=_json_attributes(span),
        resource=resource,
    )


def _json_attributes(holder: Mapping[str, object]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for attribute in _objects(holder, "attributes"):
        key = attribute.get("key")
        if isinstance(key, str) and key in ATTRIBUTES:
            for kind, value in _object(attribute, "value").items():
                kept = _json_value(kind, value)
                if kept is not None:
                    found[key] = kept
    return found


def _json_value(kind: str, value: object) -> Value | None:
    if kind == "intValue" and isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) <= 20:
        return int(value)
    if kind == "doubleValue" and isinstance(value, Decimal):
        return _whole(value)
    if kind not in ("stringValue", "boolValue", "intValue", "doubleValue"):
        return None
    # What can't be read is not left out: tokens that are no number are said to be none.
    return value if isinstance(value, str | bool | int) else "unreadable"


def _objects(holder: Mapping[str, object], name: str) -> Iterator[Mapping[str, object]]:
    values = holder.get(name)
    if values is None:
        return
    if not isinstance(values, list):
        raise MalformedBody(f"{name} must be an array")
    for value in values:
        if not isinstance(value, dict):
            raise MalformedBody(f"{name} must hold objects")
        yield value


def _object(holder: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedBody(f"{name} must be an object")
    return value


def _text(holder: Mapping[str, object], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _unsigned(value: object) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) <= 20:
        return int(value)
    return value if isinstance(value, int) and value >= 0 else 0
