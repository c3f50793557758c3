"""The token of a meter event session: who it stands for, until when, under our signature. Pure.

It holds no key and needs no row; whether the key that it was made with still holds is asked each time.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from autorisen.kit.crypto import derive_key, equal, keyed_digest, url_safe
from autorisen.metering.model import OPERATOR

LIFE = timedelta(minutes=15)
_PREFIX = "mes_"


@dataclass(frozen=True)
class MeterEventSession:
    """The key that opened it, whose key that is (None: the operator's), and when it ends."""

    key_id: UUID
    customer_id: UUID | None
    expires_at: datetime


def session_token(secret_key: str, session: MeterEventSession) -> str:
    """The session as a text that only we can make."""
    owner = session.customer_id or OPERATOR
    body = url_safe(session.key_id.bytes + owner.bytes + int(session.expires_at.timestamp()).to_bytes(8, "big"))
    return f"{_PREFIX}{body}.{_signature(secret_key, body)}"


def read_token(secret_key: str, token: str) -> MeterEventSession | None:
    """The session of a token of ours, expired or not; None for any other text."""
    body, _, signature = token.removeprefix(_PREFIX).partition(".")
    if not token.startswith(_PREFIX) or not equal(_signature(secret_key, body).encode(), signature.encode()):
        return None
    raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    owner = UUID(bytes=raw[16:32])
    expires_at = datetime.fromtimestamp(int.from_bytes(raw[32:], "big"), UTC)
    return MeterEventSession(UUID(bytes=raw[:16]), None if owner == OPERATOR else owner, expires_at)


def _signature(secret_key: str, body: str) -> str:
    return url_safe(keyed_digest(derive_key(secret_key, "stripe-meter-event-session"), body))
