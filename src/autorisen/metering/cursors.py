"""Where a page of a list ended, as one text that an address can carry. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from autorisen.kit.problems import FieldError, InvalidInput

_RULE = "must be the `next` of a page of this list"


def encode_cursor(parts: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(parts))).decode()


def decode_cursor(text: str, count: int) -> list[str]:
    """The parts again. Raises `InvalidInput` for what `encode_cursor` can't have made of so many parts."""
    try:
        parts = msgspec.json.decode(base64.b64decode(text, altchars=b"-_", validate=True), type=list[str])
        if len(parts) == count and "\0" not in "".join(parts):
            return parts
    except (binascii.Error, ValueError, UnicodeError):
        pass
    raise InvalidInput(f"cursor {_RULE}", errors=[FieldError("query/cursor", _RULE)])


def time_cursor(at: datetime, id: UUID) -> str:
    return encode_cursor([at.isoformat(), id.hex])


def read_time_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """The instant and the id at which the page before ended; None for the first page. Raises `InvalidInput`."""
    if not text:
        return None
    at, id = decode_cursor(text, 2)
    try:
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is not None:
            return instant, UUID(id)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f"cursor {_RULE}", errors=[FieldError("query/cursor", _RULE)])
