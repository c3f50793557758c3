"""The form of an API key: `ark_live_<8 id>_<43 secret><6 checksum>`, all base62. Pure.

The prefix lets secret scanners find a leaked key, the id finds its row, the checksum refuses typing errors and
invented keys before the database is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from autorisen.kit.crypto import base62, checksum

PREFIX = "ark_live_"
PATTERN = re.compile(r"ark_live_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_ID_BITS = 47  # the largest number of whole bits that eight base62 letters hold


@dataclass(frozen=True)
class KeyParts:
    """A well-formed key taken apart; `secret` is the 256-bit part."""

    key_id: str
    secret: str


def make_key(random_id: bytes, random_secret: bytes) -> tuple[str, KeyParts]:
    """The text of a new key, from 6 and 32 random bytes."""
    key_id = base62(int.from_bytes(random_id, "big") & ((1 << _ID_BITS) - 1), 8)
    secret = base62(int.from_bytes(random_secret, "big"), 43)
    body = f"{PREFIX}{key_id}_{secret}"
    return body + checksum(body), KeyParts(key_id, secret)


def parse_key(text: str) -> KeyParts | None:
    """The parts of a key, or None when its form or its checksum is wrong."""
    match = PATTERN.fullmatch(text)
    if match is None or checksum(text[:-6]) != match[3]:
        return None
    return KeyParts(match[1], match[2])
