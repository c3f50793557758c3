"""Cursors of the console's lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlencode
from uuid import UUID

from autorisen.kit.ids import parse_public_id, public_id

PAGE_SIZE = 50


class HasId(Protocol):
    @property
    def id(self) -> UUID: ...


def cursor(prefix: str, after: str) -> UUID | None:
    """The id behind `?after=`; raises `MalformedId`, which is a 404."""
    return parse_public_id(prefix, after) if after else None


def older_link(path: str, prefix: str, shown: Sequence[HasId], **query: str) -> str | None:
    """Where the next page is, when this one is full."""
    if len(shown) < PAGE_SIZE:
        return None
    kept = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode({**kept, 'after': public_id(prefix, shown[-1].id)})}"
