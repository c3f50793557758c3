"""One event as JSON, or the first rule of the server that it breaks: said at `record`, while somebody can mend it.

The rules are those of docs/howto/send-events.md; tests/client/test_encode_event.py holds them to the server's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from autorisen.client.errors import InvalidEvent

ATTRIBUTE_LIMIT = 256
DATA_LIMIT = 262_144
DEPTH_LIMIT = 32
DIGIT_LIMIT = 64
EXPONENT_LIMIT = 308
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)

_INTEGER_LIMIT: int = 10**DIGIT_LIMIT
_TOO_PRECISE = f"must be a number of at most {DIGIT_LIMIT} digits within 1e-{EXPONENT_LIMIT} and 1e{EXPONENT_LIMIT}"
# What the CloudEvents type system keeps out of text: controls, lone surrogates, noncharacters.
_NOT_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_encode: Callable[[object], bytes] = msgspec.json.Encoder(decimal_format="number").encode


def encode_event(id: str, source: str, type: str, subject: str, time: datetime, data: Mapping[str, object]) -> bytes:
    """The event as the server reads it. `time` must be in UTC. Raises `InvalidEvent`."""
    check_text("/id", id)
    check_text("/type", type)
    check_text("/subject", subject)
    return _encode(
        {
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": type,
            "subject": subject,
            "time": time,
            "data": msgspec.Raw(_encode_data(data)),
        }
    )


def check_text(field: str, value: object) -> None:
    """Raises `InvalidEvent` unless it is a text that an attribute may have."""
    if not isinstance(value, str) or not value:
        raise InvalidEvent(field, "must be a text that is not empty")
    if len(value) > ATTRIBUTE_LIMIT:
        raise InvalidEvent(field, f"must have at most {ATTRIBUTE_LIMIT} characters")
    if not value.isprintable() and _NOT_TEXT.search(value):
        raise InvalidEvent(field, "must not hold control characters, lone surrogates or noncharacters")


def check_time(value: object, now: datetime) -> datetime:
    """The time in UTC. Raises `InvalidEvent` for a time without a zone and for one that the server would refuse."""
    if not isinstance(value, datetime):
        raise InvalidEvent("/time", "must be a datetime")
    if value.utcoffset() is None:
        raise InvalidEvent("/time", "must have a time zone: a naive datetime may mean any of 38 instants")
    try:
        at = value.astimezone(UTC)
    except OverflowError:
        raise InvalidEvent("/time", "must be from the year 2000 to at most 24 hours ahead") from None
    if not EARLIEST <= at <= now + AHEAD:
        raise InvalidEvent("/time", "must be from the year 2000 to at most 24 hours ahead")
    return at


def _encode_data(data: Mapping[str, object]) -> bytes:
    if not isinstance(data, dict):
        raise InvalidEvent("/data", "must be a dict")
    _check(data, (), 1)
    encoded = _encode(data)
    if len(encoded) > DATA_LIMIT:
        raise InvalidEvent("/data", f"must have at most {DATA_LIMIT:,} bytes")
    return encoded


def _check(value: object, trail: tuple[str, ...], depth: int) -> None:
    """Raises for what JSON or the server can't hold; what msgspec would change in silence (NaN) above all."""
    kind = type(value)
    if kind is int:
        if not -_INTEGER_LIMIT < value < _INTEGER_LIMIT:  # type: ignore[operator]  # kind is exactly int
            raise _broken(trail, _TOO_PRECISE)
    elif kind is str:
        _check_string(value, trail)
    elif kind is float or kind is Decimal:
        _check_number(value, trail)
    elif kind is dict or kind is list or kind is tuple:
        if depth > DEPTH_LIMIT:
            raise _broken((), f"must be nested at most {DEPTH_LIMIT} deep")
        _check_children(value, trail, depth)
    elif value is not None and kind is not bool:
        raise _broken(trail, f"is of type {kind.__name__}, which JSON does not have")


def _check_children(value: object, trail: tuple[str, ...], depth: int) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            # The short way for nearly every member of nearly every event.
            if (
                type(key) is str
                and key.isidentifier()
                and key.isascii()
                and type(child) is int
                and child.bit_length() < 64
            ):
                continue
            if type(key) is not str:
                raise _broken(trail, f"has the key {key!r:.40}, which is not a text")
            _check_string(key, (*trail, key))
            _check(child, (*trail, key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            _check(child, (*trail, str(index)), depth + 1)


def _check_string(value: object, trail: tuple[str, ...]) -> None:
    assert isinstance(value, str)
    if "\0" in value:
        raise _broken(trail, "must not hold NUL characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _broken(trail, "must not hold lone surrogates") from None


def _check_number(value: object, trail: tuple[str, ...]) -> None:
    assert isinstance(value, float | Decimal)
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        raise _broken(trail, f"is {value}, which is no number in JSON")
    if len(str(value)) > DIGIT_LIMIT or abs(exact.adjusted()) > EXPONENT_LIMIT:
        raise _broken(trail, _TOO_PRECISE)


def _broken(trail: tuple[str, ...], rule: str) -> InvalidEvent:
    """The rule, at the JSON pointer of its place; what can't be shown of a name is replaced."""
    names = [name[:80].encode(errors="replace").decode().replace("~", "~0").replace("/", "~1") for name in trail]
    return InvalidEvent("/".join(["/data", *names]), rule)
