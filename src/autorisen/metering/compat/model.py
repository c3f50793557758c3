"""What the peers share: an answer in somebody else's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from autorisen.metering.model import Receipt, Result, Status

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Answer:
    """An answer as a peer's client expects it; `document` is sent as JSON, None as no body."""

    status: int
    document: object = None
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The document as bytes; exact numbers stay numbers."""
        return b"" if self.document is None else _encode(self.document)


def rejections(receipt: Receipt) -> list[Result]:
    """What was not stored, in the order of the request."""
    return [result for result in receipt.results if result.status is Status.REJECTED]
