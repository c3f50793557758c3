"""Protocol Buffers on the wire, as much of it as an OTLP request of traces needs. Pure.

Fields are read one by one from the bytes, and what is not asked for is skipped: an object for every empty field of a
hostile body would take 50 times its size (docs/decisions/0002).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from autorisen.kit.problems import MalformedBody

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_UINT64 = (1 << 64) - 1

Field = int | memoryview


def read_fields(message: memoryview) -> Iterator[tuple[int, Field]]:
    """Number and value of each field: whole numbers as they are without a sign, everything else as its bytes.

    Raises `MalformedBody` for what is no message.
    """
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise MalformedBody(f"the body is no protobuf: wire type {kind}")
        if number == 0 or position + size > end:
            raise MalformedBody("the body is no protobuf: it ends within a field")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[position : position + 10]:
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _UINT64, position
        shift += 7
    raise MalformedBody("the body is no protobuf: it ends within a number")


def signed(value: int) -> int:
    """An int64 of the wire with its sign."""
    return value - (1 << 64) if value >> 63 else value


def fixed64(value: Field) -> int:
    """A fixed64 of the wire; 0 for a field of another kind."""
    return int.from_bytes(value, "little") if isinstance(value, memoryview) and len(value) == 8 else 0


def double(value: Field) -> str:
    """A double of the wire as the shortest decimal text that means it."""
    return repr(struct.unpack("<d", value)[0]) if isinstance(value, memoryview) and len(value) == 8 else "0"


def text(value: Field) -> str:
    """A string of the wire. Raises `MalformedBody` when it is not UTF-8."""
    try:
        return bytes(value).decode() if isinstance(value, memoryview) else ""
    except UnicodeDecodeError:
        raise MalformedBody("the body is no protobuf: a text is not UTF-8") from None


def number_field(number: int, value: int) -> bytes:
    """One whole number as a field."""
    return _encoded(number << 3) + _encoded(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Text or message as a field."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(value)) + value


def _encoded(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
