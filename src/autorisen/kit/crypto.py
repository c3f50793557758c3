"""Digests, keys for one purpose, and base62: the few cryptographic steps that several rooms share.

Nothing here is our own cryptography: HMAC-SHA256, SHA-256 and CRC-32 of the standard library, composed.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from base64 import urlsafe_b64encode

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRC_LENGTH = 6


def derive_key(secret: str, purpose: str) -> bytes:
    """A 256-bit key for one purpose from the installation's secret.

    One purpose each, so that a value made for one place (a CSRF token) can never be valid in another (an API key).
    """
    return hmac.digest(secret.encode(), f"autorisen/{purpose}".encode(), "sha256")


def keyed_digest(key: bytes, text: str) -> bytes:
    """HMAC-SHA256 of a text: what is stored of a 256-bit secret, so that a copy of the database opens nothing."""
    return hmac.digest(key, text.encode(), "sha256")


def digest(text: str) -> bytes:
    """SHA-256 of a text. For random 256-bit tokens and for keys of a cache; never for passwords."""
    return hashlib.sha256(text.encode()).digest()


def equal(left: bytes, right: bytes) -> bool:
    """Compare without telling, by the time it takes, how much of it was right."""
    return hmac.compare_digest(left, right)


def url_safe(data: bytes) -> str:
    """Base64 for addresses and form fields, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def base62(number: int, length: int) -> str:
    """A non-negative number as exactly `length` letters and digits. Raises ValueError when it does not fit."""
    letters = []
    for _ in range(length):
        number, place = divmod(number, 62)
        letters.append(_BASE62[place])
    if number:
        raise ValueError(f"the number needs more than {length} places")
    return "".join(reversed(letters))


def checksum(text: str) -> str:
    """CRC-32 as six base62 letters: finds typing errors and fakes before any look-up; proves nothing by itself."""
    return base62(zlib.crc32(text.encode()), _CRC_LENGTH)
