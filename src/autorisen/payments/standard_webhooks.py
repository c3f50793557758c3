"""Signatures of Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` and `webhook-signature` headers.

The signed text is `id.timestamp.body`, the scheme `v1` is HMAC-SHA256, and the header may carry several signatures
separated by spaces, so that an old and a new secret both hold while a secret is rotated. Deviation from the
specification's libraries, on purpose: an id longer than 255 characters is refused, because it becomes a key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from autorisen.payments.gateway import Forged

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300

_ID_LENGTH_MAX = 255
# A header longer than this holds more signatures than any rotation needs.
_SIGNATURES_MAX = 8


def sign(secret: bytes, *, event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one delivery."""
    timestamp = str(int(at.timestamp()))
    return {ID: event_id, TIMESTAMP: timestamp, SIGNATURE: f"v1,{_mac(secret, event_id, timestamp, body)}"}


def verify(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes, *, at: datetime) -> str:
    """The id of a genuine delivery. Raises `Forged` with a short reason.

    The window is open to both sides: a sender's clock that runs ahead is as wrong as a replay. Every secret is
    compared with every signature, so the time taken tells nothing about which one holds.
    """
    event_id, timestamp, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (event_id and timestamp and signatures):
        raise Forged("header_missing")
    if len(event_id) > _ID_LENGTH_MAX or not event_id.isascii() or not event_id.isprintable():
        raise Forged("id_malformed")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forged("timestamp_malformed")
    given = [part.removeprefix("v1,") for part in signatures.split(" ") if part.startswith("v1,")][:_SIGNATURES_MAX]
    holds = False
    for secret in secrets:
        expected = _mac(secret, event_id, timestamp, body)
        for candidate in given:
            holds |= hmac.compare_digest(expected.encode(), candidate.encode("utf-8", "replace"))
    if not holds:
        raise Forged("signature_wrong")
    # After the signature, so that only the sender can learn how our clocks differ.
    if abs(at.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise Forged("timestamp_out_of_window")
    return event_id


def _mac(secret: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    text = event_id.encode() + b"." + timestamp.encode() + b"." + body
    return base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()
