"""API keys: make, list, revoke, verify."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from autorisen.accounts import store
from autorisen.accounts.audit import record_audit
from autorisen.accounts.errors import ApiKeyNotFound, KeyRefused
from autorisen.accounts.input_rules import Checks
from autorisen.accounts.key_format import KeyParts, make_key, parse_key
from autorisen.accounts.model import ALL_SCOPES, ApiKey, Principal
from autorisen.kit.crypto import derive_key, digest, equal, keyed_digest
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime, Unit

# How long a verified key is believed without asking the database: the longest time that a revoked key still works.
CACHE_LIFE = timedelta(seconds=5)
_CACHE_SIZE_MAX = 4096


async def create_api_key(
    unit: Unit,
    *,
    customer_id: UUID | None,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    actor: str = "system",
) -> tuple[ApiKey, str]:
    """Make a key of a customer, or of the operator (None). Gives it and its secret text, which nobody can read again.

    Raises `InvalidInput` for a name or scope that is none, or an expiry in the past.
    """
    checks = Checks()
    name = checks.line("name", name)
    wanted = tuple(sorted(set(scopes)))
    if not wanted or not set(wanted) <= set(ALL_SCOPES):
        checks.broken("scopes", f"choose at least one of {', '.join(ALL_SCOPES)}")
    if expires_at is not None and expires_at <= unit.wall_now:
        checks.broken("expires_at", "choose a time in the future")
    checks.done()
    secret, parts = make_key(unit.ids.bytes(6), unit.ids.bytes(32))
    key = ApiKey(unit.ids.new(), parts.key_id, customer_id, name, wanted, unit.wall_now, expires_at, None, None)
    await store.insert_api_key(unit.tx, key, _secret_digest(unit.settings.secret_key, parts))
    detail = {"scopes": list(wanted)}
    await record_audit(unit, actor=actor, action="api_key.created", target=key.public_id, detail=detail)
    return key, secret


async def revoke_api_key(unit: Unit, *, key_id: UUID, customer_id: UUID | None, actor: str) -> None:
    """Revoke a key of this customer, for ever. Processes that have just verified it stop within `CACHE_LIFE`.

    Raises `ApiKeyNotFound` when there is no such live key of theirs.
    """
    if not await store.revoke_api_key(unit.tx, id=key_id, customer_id=customer_id, at=unit.wall_now):
        raise ApiKeyNotFound("it may be revoked already")
    await record_audit(unit, actor=actor, action="api_key.revoked", target=public_id("key", key_id))


async def list_api_keys(tx: Tx, customer_id: UUID | None) -> list[ApiKey]:
    """The keys of a customer, or of the operator: live ones first, then revoked, newest first."""
    return await store.list_api_keys(tx, customer_id)


@dataclass(frozen=True)
class _Verified:
    principal: Principal
    until: datetime


class KeyCache:
    """Verified keys of one process for a few seconds, so that ingesting does not look the same key up each time.

    Holds digests of the texts, never the texts.
    """

    def __init__(self) -> None:
        self._verified: dict[bytes, _Verified] = {}

    def get(self, text_digest: bytes, now: datetime) -> Principal | None:
        found = self._verified.get(text_digest)
        return found.principal if found and now < found.until else None

    def put(self, text_digest: bytes, principal: Principal, until: datetime) -> None:
        if len(self._verified) >= _CACHE_SIZE_MAX:
            self._verified.clear()
        self._verified[text_digest] = _Verified(principal, until)


async def principal_of_key(runtime: Runtime, cache: KeyCache, text: str) -> Principal:
    """Who is behind an API key. Raises `KeyRefused`: malformed, unknown, revoked and expired look the same."""
    parts = parse_key(text)
    if parts is None:
        raise KeyRefused("send it as: Authorization: Bearer ark_live_...")
    text_digest, now = digest(text), runtime.wall.now()
    known = cache.get(text_digest, now)
    if known is not None:
        return known
    async with runtime.database.read() as tx:
        stored = await store.api_key_by_key_id(tx, parts.key_id)
    offered = _secret_digest(runtime.settings.secret_key, parts)
    if stored is None or not equal(stored.secret_digest, offered) or not stored.key.is_usable(now):
        raise KeyRefused("send it as: Authorization: Bearer ark_live_...")
    key = stored.key
    if key.last_used_at is None or now - key.last_used_at >= timedelta(minutes=1):
        async with runtime.database.transaction() as tx:
            await store.touch_api_key(tx, key.id, now)
    principal = Principal(
        kind="key",
        customer_id=key.customer_id,
        is_operator=key.customer_id is None,
        scopes=frozenset(key.scopes),
        key_id=key.id,
        name=key.name,
    )
    until = now + CACHE_LIFE
    cache.put(text_digest, principal, min(until, key.expires_at) if key.expires_at else until)
    return principal


def _secret_digest(secret_key: str, parts: KeyParts) -> bytes:
    # The id is part of what is digested, so that a stored digest can't be moved to another key's row.
    return keyed_digest(derive_key(secret_key, "api-key"), f"{parts.key_id}_{parts.secret}")
