"""Who uses the platform: customers who pay, users who sign in, and the principal that a request acts as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from autorisen.kit.ids import public_id


class Scope(StrEnum):
    """What an API key may do. `admin` includes the others."""

    EVENTS_WRITE = "events:write"
    USAGE_READ = "usage:read"
    BILLING_READ = "billing:read"
    ADMIN = "admin"


ALL_SCOPES = tuple(Scope)


@dataclass(frozen=True)
class Customer:
    """Who pays: a company or a person. `key` is the human name that usage events carry as their subject."""

    id: UUID
    key: str
    name: str
    email: str
    country: str
    currency: str
    time_zone: str
    billing_address: str
    vat_number: str
    created_at: datetime

    @property
    def public_id(self) -> str:
        return public_id("cus", self.id)


@dataclass(frozen=True)
class User:
    """A person who signs in."""

    id: UUID
    email: str
    name: str
    is_operator: bool
    disabled_at: datetime | None
    created_at: datetime

    @property
    def public_id(self) -> str:
        return public_id("usr", self.id)


@dataclass(frozen=True)
class Credentials:
    """What a sign-in is checked against."""

    user_id: UUID
    password_hash: str
    disabled_at: datetime | None


@dataclass(frozen=True)
class Session:
    """One signed-in browser. Only the SHA-256 of its token is stored."""

    id: UUID
    user_id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    ip: str

    @property
    def public_id(self) -> str:
        return public_id("ses", self.id)


@dataclass(frozen=True)
class SignedInSession:
    """A live session with the person and the customer behind it."""

    session_id: UUID
    token_digest: bytes
    last_seen_at: datetime
    expires_at: datetime
    user_id: UUID
    email: str
    name: str
    is_operator: bool
    customer_id: UUID | None
    customer_name: str | None
    time_zone: str | None


@dataclass(frozen=True)
class ApiKey:
    """A key of a customer, or of the operator when `customer_id` is None. The secret itself is shown once."""

    id: UUID
    key_id: str
    customer_id: UUID | None
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def public_id(self) -> str:
        return public_id("key", self.id)

    @property
    def hint(self) -> str:
        """The part that may be shown for ever, to tell keys apart."""
        return f"ark_live_{self.key_id}_…"

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class StoredApiKey:
    """A key with the digest that its secret is checked against."""

    key: ApiKey
    secret_digest: bytes


@dataclass(frozen=True)
class Principal:
    """Who a request acts as. Operators and operator keys (those of no customer) see all customers."""

    kind: Literal["user", "key"]
    user_id: UUID | None = None
    customer_id: UUID | None = None
    is_operator: bool = False
    scopes: frozenset[str] = frozenset()
    key_id: UUID | None = None
    session_id: UUID | None = None
    name: str = ""
    email: str = ""
    customer_name: str = ""
    time_zone: str = "UTC"

    @property
    def actor(self) -> str:
        """The name under which the audit log knows this principal."""
        if self.key_id is not None:
            return public_id("key", self.key_id)
        return public_id("usr", self.user_id) if self.user_id is not None else "nobody"

    def may(self, scope: str) -> bool:
        return self.kind == "user" or scope in self.scopes or Scope.ADMIN in self.scopes

    def sees(self, customer_id: UUID) -> bool:
        """Whether this principal may know of that customer at all."""
        return self.is_operator or self.customer_id == customer_id


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit log: who did what to what, and when. Never changed, never removed."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: Mapping[str, object]


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives: unused, and at all."""

    idle: timedelta
    absolute: timedelta


# ASVS V7.1.1 asks that these be written down; operators can do more harm, so theirs are shorter.
CUSTOMER_SESSION = SessionLimits(idle=timedelta(days=7), absolute=timedelta(days=30))
OPERATOR_SESSION = SessionLimits(idle=timedelta(hours=2), absolute=timedelta(hours=12))


def session_limits(*, is_operator: bool) -> SessionLimits:
    return OPERATOR_SESSION if is_operator else CUSTOMER_SESSION
