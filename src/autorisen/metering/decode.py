"""Request bodies and JSON objects into events. Pure: what is wrong with one event never touches the next.

Numbers stay exact: whole numbers as `int`, others as `Decimal`, never float. Of a name that an object repeats, the
last value counts, as PostgreSQL and most readers of JSON hold it; only what was read is kept and compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from autorisen.kit.problems import BodyTooLarge, FieldError, MalformedBody
from autorisen.metering.errors import InvalidEvent, TooManyEvents
from autorisen.metering.model import Event, Rejection

BATCH_LIMIT = 10_000
ATTRIBUTE_LIMIT = 256
DATA_LIMIT = 262_144
DEPTH_LIMIT = 32
DIGIT_LIMIT = 64
EXPONENT_LIMIT = 308
_INT32 = 2**31

# Bytes that a decoded body may take, by `decoded_weight`: 10,000 events of 30 values each, in 5 MB, take 60 million.
WEIGHT_LIMIT = 96_000_000

Form = Literal["one", "batch", "either"]

_NAMES = frozenset(
    ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data", "data_base64")
)
_EXTENSION = re.compile(r"[a-z0-9]{1,40}")
# What the CloudEvents type system keeps out of text: controls, lone surrogates, noncharacters.
_NOT_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,12})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_CONTENT_TYPE = re.compile(r"application/([a-z0-9.+-]+\+)?json(\s*;.*)?", re.IGNORECASE)


class _OutOfRange:
    """Stands for a number that is no quantity; encoding it fails, so its event is rejected and not the batch."""


def _number(text: str) -> Decimal | _OutOfRange:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _OutOfRange()
    if len(text) > DIGIT_LIMIT or abs(number.adjusted()) > EXPONENT_LIMIT:
        return _OutOfRange()
    return number


class _Broken(Exception):
    """A rule that one event breaks."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field = field
        self.rule = rule


_decoder = msgspec.json.Decoder(float_hook=_number)
_encode: Callable[[object], bytes] = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


def decoded_weight(body: bytes) -> int:
    """How many bytes of memory the decoded body takes, estimated from above: an empty object takes 64 for its 2.

    Raises `BodyTooLarge` for a body of so many values that it would be a bomb.
    """
    weight = 4 * len(body) + 200 * (body.count(b"{") + body.count(b"[")) + 120 * body.count(b",")
    if weight > WEIGHT_LIMIT:
        raise BodyTooLarge("the body holds too many values: send fewer events at once", limit_bytes=WEIGHT_LIMIT)
    return weight


def decode_body(body: bytes, form: Form = "either") -> list[Event | Rejection]:
    """The events of a request body, in its order.

    Raises `MalformedBody` when it is not JSON in UTF-8, nested too deeply or not of the announced form, and
    `TooManyEvents` beyond 10,000.
    """
    document = _parse(body)
    if isinstance(document, dict) and form != "batch":
        return [read_event(document)]
    if isinstance(document, list) and form != "one":
        if len(document) > BATCH_LIMIT:
            raise TooManyEvents(f"send at most {BATCH_LIMIT:,} events in one request, not {len(document):,}")
        return [read_event(item) for item in document]
    expected = {"one": "one object", "batch": "an array of objects", "either": "one object or an array of objects"}
    raise MalformedBody(f"the body must be {expected[form]}")


def _parse(body: bytes) -> object:
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body must be UTF-8; the byte at {error.start} is not") from None
    except msgspec.DecodeError as error:
        return _parse_leniently(body, str(error))


def _parse_leniently(body: bytes, reason: str) -> object:
    """The body read again by the standard library, where the fault may be one event's: lone surrogates, huge integers.

    Everything else that the strict decoder refused stays refused.
    """
    if b"\\u" not in body and "out of range" not in reason:
        raise MalformedBody(reason)
    try:
        return json.loads(body.decode(), parse_float=_number, parse_int=_integer, parse_constant=_refuse_constant)
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except ValueError:
        raise MalformedBody(reason) from None


def _integer(text: str) -> int | _OutOfRange:
    return int(text) if len(text) <= DIGIT_LIMIT else _OutOfRange()


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def exact_json(body: bytes) -> object:
    """A body of JSON with exact numbers. Raises `MalformedBody`."""
    return _parse(body)


def stored_data(text: str) -> dict[str, object]:
    """The `data` of a stored event, with exact numbers."""
    content = exact_json(text.encode())
    assert isinstance(content, dict), "only objects are stored"
    return content


def read_json(line: bytes) -> object:
    """One line of JSON with exact numbers; what can't be read comes back as the text it was, for `read_event`."""
    try:
        return _parse(line)
    except MalformedBody:
        return line.decode(errors="replace")


def new_event(attributes: Mapping[str, object]) -> Event:
    """An event made inside the house. Raises `InvalidEvent` naming the attribute and the rule."""
    event = read_event(dict(attributes))
    if isinstance(event, Rejection):
        raise InvalidEvent(event.reason, errors=[FieldError(event.field, event.rule)])
    return event


def read_event(raw: object) -> Event | Rejection:
    """One JSON object as an event, or the first rule that it breaks."""
    try:
        if not isinstance(raw, dict):
            raise _Broken("", "must be a JSON object")
        return _event(raw)
    except _Broken as broken:
        identity = raw.get("id") if isinstance(raw, dict) else None
        return Rejection(
            id=identity[:ATTRIBUTE_LIMIT] if isinstance(identity, str) and not _NOT_TEXT.search(identity) else None,
            field=broken.field,
            rule=broken.rule,
            body=_evidence(raw),
        )


def _event(raw: dict[str, object]) -> Event:
    if raw.get("specversion") != "1.0":
        raise _Broken("/specversion", 'must be "1.0"')
    identity, source = _text(raw, "id"), _text(raw, "source")
    kind, subject = _text(raw, "type"), _text(raw, "subject")
    content_type = raw.get("datacontenttype")
    if content_type is not None and not (isinstance(content_type, str) and _CONTENT_TYPE.fullmatch(content_type)):
        raise _Broken("/datacontenttype", "must be application/json or left out")
    if raw.get("data_base64") is not None:
        raise _Broken("/data_base64", "is not accepted: send data as a JSON object")
    time = _time(raw.get("time"))
    data = raw.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise _Broken("/data", "must be a JSON object")
    data_json = _data_json(data)
    extensions_json = "" if raw.keys() <= _NAMES and "dataschema" not in raw else _extensions(raw)
    # msgspec writes a time several times as fast as `isoformat`.
    stamp: str = "" if time is None else msgspec.to_builtins(time)
    return Event(source, identity, kind, subject, time, stamp, data, data_json, extensions_json)


def _text(raw: dict[str, object], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise _Broken(f"/{name}", "must be a text that is not empty")
    if len(value) > ATTRIBUTE_LIMIT:
        raise _Broken(f"/{name}", f"must have at most {ATTRIBUTE_LIMIT} characters")
    if not value.isprintable() and _NOT_TEXT.search(value):
        raise _Broken(f"/{name}", "must not hold control characters, lone surrogates or noncharacters")
    return value


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise _Broken("/time", "must be an RFC 3339 time with an offset, like 2026-03-01T08:00:00Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Broken("/time", "is not a time that exists (leap seconds can't be kept)") from None


def _data_json(data: dict[str, object]) -> str:
    try:
        encoded = _encode(data)
        text = encoded.decode()
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise _Broken("/data", f"must be nested at most {DEPTH_LIMIT} deep") from None
        if isinstance(error, UnicodeError):
            raise _Broken("/data", "must not hold lone surrogates") from None
        raise _Broken(
            "/data", f"holds a number of more than {DIGIT_LIMIT} digits or beyond 1e{EXPONENT_LIMIT}"
        ) from None
    if len(encoded) > DATA_LIMIT:
        raise _Broken("/data", f"must have at most {DATA_LIMIT:,} bytes")
    # Cheap signs first: few events have as many brackets as the limit, and hardly one an escaped NUL.
    if encoded.count(b"{") + encoded.count(b"[") > DEPTH_LIMIT and _depth(data) > DEPTH_LIMIT:
        raise _Broken("/data", f"must be nested at most {DEPTH_LIMIT} deep")
    if "\\u0000" in text and _holds_nul(data):
        raise _Broken("/data", "must not hold NUL characters")
    if len(encoded) > DIGIT_LIMIT and _LONG_INTEGER.search(text) and _holds_long_integer(data):
        raise _Broken("/data", f"holds a number of more than {DIGIT_LIMIT} digits or beyond 1e{EXPONENT_LIMIT}")
    return text


def _depth(value: object) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        each, depth = stack.pop()
        if isinstance(each, dict | list):
            deepest = max(deepest, depth)
            children = each.values() if isinstance(each, dict) else each
            stack += [(child, depth + 1) for child in children]
    return deepest


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(child) for key, child in value.items())
    if isinstance(value, list):
        return any(_holds_nul(child) for child in value)
    return False


_LONG_INTEGER = re.compile(rf"\d{{{DIGIT_LIMIT + 1}}}")
_INTEGER_LIMIT: int = 10**DIGIT_LIMIT


def _holds_long_integer(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) >= _INTEGER_LIMIT
    if isinstance(value, dict):
        return any(_holds_long_integer(child) for child in value.values())
    if isinstance(value, list):
        return any(_holds_long_integer(child) for child in value)
    return False


def _extensions(raw: dict[str, object]) -> str:
    """Extension attributes and `dataschema` as JSON in the order of their names; an attribute of null is absent."""
    kept: dict[str, object] = {}
    for name in sorted(raw.keys() - _NAMES | ({"dataschema"} & raw.keys())):
        value = raw[name]
        if value is None:
            continue
        if not _EXTENSION.fullmatch(name):
            shown = name[:40].encode(errors="replace").decode()
            raise _Broken(f"/{shown}", "is no attribute name: at most 40 of a-z and 0-9")
        if isinstance(value, str):
            if len(value) > ATTRIBUTE_LIMIT * 4 or _NOT_TEXT.search(value):
                raise _Broken(
                    f"/{name}", f"must be a text of at most {ATTRIBUTE_LIMIT * 4} characters without controls"
                )
        elif not isinstance(value, int) or not -_INT32 <= value < _INT32:
            raise _Broken(f"/{name}", "must be a text, a boolean or a whole number of 32 bits")
        kept[name] = value
    return _encode(kept).decode() if kept else ""


def evidence(event: Event) -> bytes:
    """A readable event as JSON again, for keeping it when a later rule refuses it."""
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "data": event.data,
    }
    if event.stamp:
        attributes["time"] = event.stamp
    if event.extensions_json:
        attributes |= _decoder.decode(event.extensions_json)
    return _evidence(attributes)


def _evidence(raw: object) -> bytes:
    """What was sent, as far as it can be kept: JSON, at most 256 KiB, with a word for what JSON can't hold."""
    try:
        return _encode(raw)[:DATA_LIMIT]
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return json.dumps(raw, default=_word).encode()[:DATA_LIMIT]
    except (ValueError, RecursionError):
        return b""


def _word(value: object) -> str:
    return "number out of range" if isinstance(value, _OutOfRange) else str(value)
