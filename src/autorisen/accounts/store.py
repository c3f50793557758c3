"""All SQL of accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from autorisen.accounts.model import (
    ApiKey,
    AuditEntry,
    Credentials,
    Customer,
    Session,
    SignedInSession,
    StoredApiKey,
    User,
)
from autorisen.kit.database import Tx

T = TypeVar("T")

# --- customers

INSERT_CUSTOMER = """
INSERT INTO accounts.customers (id, key, name, email, country, currency, time_zone, created_at)
VALUES (%(id)s, %(key)s, %(name)s, %(email)s, %(country)s, %(currency)s, %(time_zone)s, %(created_at)s)
ON CONFLICT (key) DO NOTHING
RETURNING id, key, name, email, country, currency, time_zone, billing_address, vat_number, created_at
"""
CUSTOMER = """
SELECT id, key, name, email, country, currency, time_zone, billing_address, vat_number, created_at
FROM accounts.customers WHERE id = %(id)s
"""
CUSTOMERS_BY_ID = """
SELECT id, key, name, email, country, currency, time_zone, billing_address, vat_number, created_at
FROM accounts.customers WHERE id = ANY(%(ids)s::uuid[])
"""
CUSTOMER_IDS_BY_KEY = "SELECT key, id FROM accounts.customers WHERE key = ANY(%(keys)s::text[])"
EXISTING_CUSTOMER_IDS = "SELECT id FROM accounts.customers WHERE id = ANY(%(ids)s::uuid[])"
# Ids are in time order, so the newest customers come first and `after` is the last id of the page before.
LIST_CUSTOMERS = """
SELECT id, key, name, email, country, currency, time_zone, billing_address, vat_number, created_at
FROM accounts.customers
WHERE (%(after)s::uuid IS NULL OR id < %(after)s::uuid)
  AND (%(search)s::text = '' OR strpos(lower(name || ' ' || key || ' ' || email), lower(%(search)s::text)) > 0)
ORDER BY id DESC LIMIT %(limit)s
"""
COUNT_CUSTOMERS = "SELECT count(*) FROM accounts.customers"
UPDATE_CUSTOMER = """
UPDATE accounts.customers
SET name = %(name)s, email = %(email)s, country = %(country)s, time_zone = %(time_zone)s,
    billing_address = %(billing_address)s, vat_number = %(vat_number)s
WHERE id = %(id)s
RETURNING id, key, name, email, country, currency, time_zone, billing_address, vat_number, created_at
"""

# --- users and members

INSERT_USER = """
INSERT INTO accounts.users (id, email, email_folded, name, password_hash, is_operator, created_at)
VALUES (%(id)s, %(email)s, lower(%(email)s), %(name)s, %(password_hash)s, %(is_operator)s, %(created_at)s)
ON CONFLICT (email_folded) DO NOTHING
RETURNING id, email, name, is_operator, disabled_at, created_at
"""
OPERATOR_EMAILS = "SELECT email FROM accounts.users WHERE is_operator AND disabled_at IS NULL ORDER BY email"
USER = "SELECT id, email, name, is_operator, disabled_at, created_at FROM accounts.users WHERE id = %(id)s"
USER_BY_EMAIL = """
SELECT id, email, name, is_operator, disabled_at, created_at
FROM accounts.users WHERE email_folded = lower(%(email)s)
"""
CREDENTIALS_BY_EMAIL = """
SELECT id AS user_id, password_hash, disabled_at FROM accounts.users WHERE email_folded = lower(%(email)s)
"""
UPDATE_USER_NAME = "UPDATE accounts.users SET name = %(name)s WHERE id = %(id)s"
UPDATE_PASSWORD_HASH = "UPDATE accounts.users SET password_hash = %(password_hash)s WHERE id = %(id)s"
DISABLE_USER = "UPDATE accounts.users SET disabled_at = %(at)s WHERE id = %(id)s AND disabled_at IS NULL"
INSERT_MEMBER = """
INSERT INTO accounts.members (customer_id, user_id, created_at) VALUES (%(customer_id)s, %(user_id)s, %(created_at)s)
ON CONFLICT DO NOTHING
"""
MEMBERS = """
SELECT u.id, u.email, u.name, u.is_operator, u.disabled_at, u.created_at
FROM accounts.members m JOIN accounts.users u ON u.id = m.user_id
WHERE m.customer_id = %(customer_id)s ORDER BY u.id
"""

# --- sessions

INSERT_SESSION = """
INSERT INTO accounts.sessions (id, token_digest, user_id, created_at, last_seen_at, expires_at, user_agent, ip)
VALUES (%(id)s, %(token_digest)s, %(user_id)s, %(at)s, %(at)s, %(expires_at)s, %(user_agent)s, %(ip)s)
"""
# A disabled user has no live session, whatever its row says.
SIGNED_IN_SESSION = """
SELECT s.id AS session_id, s.token_digest, s.last_seen_at, s.expires_at, u.id AS user_id, u.email, u.name,
       u.is_operator, c.id AS customer_id, c.name AS customer_name, c.time_zone
FROM accounts.sessions s
JOIN accounts.users u ON u.id = s.user_id AND u.disabled_at IS NULL
LEFT JOIN LATERAL (
    SELECT customer_id FROM accounts.members WHERE user_id = u.id ORDER BY created_at, customer_id LIMIT 1
) m ON true
LEFT JOIN accounts.customers c ON c.id = m.customer_id
WHERE s.token_digest = %(token_digest)s AND s.ended_at IS NULL
"""
TOUCH_SESSION = "UPDATE accounts.sessions SET last_seen_at = %(at)s WHERE id = %(id)s AND last_seen_at < %(at)s"
END_SESSION = """
UPDATE accounts.sessions SET ended_at = %(at)s, ended_why = %(why)s
WHERE token_digest = %(token_digest)s AND ended_at IS NULL
"""
END_SESSION_OF_USER = """
UPDATE accounts.sessions SET ended_at = %(at)s, ended_why = %(why)s
WHERE id = %(id)s AND user_id = %(user_id)s AND ended_at IS NULL
"""
END_SESSIONS_OF_USER = """
UPDATE accounts.sessions SET ended_at = %(at)s, ended_why = %(why)s
WHERE user_id = %(user_id)s AND ended_at IS NULL AND id IS DISTINCT FROM %(but)s::uuid
"""
LIVE_SESSIONS = """
SELECT id, user_id, created_at, last_seen_at, expires_at, user_agent, ip
FROM accounts.sessions
WHERE user_id = %(user_id)s AND ended_at IS NULL AND expires_at > %(now)s AND last_seen_at > %(idle_since)s
ORDER BY last_seen_at DESC, id DESC
"""
# Both columns false for a first sign-in: nobody is told about the device they have just registered with.
KNOWN_DEVICE = """
SELECT count(*) > 0, coalesce(bool_or(user_agent = %(user_agent)s AND ip = %(ip)s), false)
FROM accounts.sessions WHERE user_id = %(user_id)s
"""

# --- attempts

# One statement, so that attempts sent at the same moment are all counted. The window starts with its first attempt
# and is not moved by later ones: waiting it out always helps.
COUNT_ATTEMPT = """
INSERT INTO accounts.attempts AS a (bucket, window_started_at, count) VALUES (%(bucket)s, %(at)s, 1)
ON CONFLICT (bucket) DO UPDATE SET
    count = CASE WHEN a.window_started_at <= %(at)s::timestamptz - %(window)s::interval THEN 1 ELSE a.count + 1 END,
    window_started_at = CASE WHEN a.window_started_at <= %(at)s::timestamptz - %(window)s::interval
                             THEN %(at)s::timestamptz ELSE a.window_started_at END
RETURNING count, window_started_at
"""
FORGIVE_ATTEMPTS = "DELETE FROM accounts.attempts WHERE bucket = ANY(%(buckets)s::text[])"
FORGIVE_ONE_ATTEMPT = """
UPDATE accounts.attempts SET count = count - 1 WHERE bucket = ANY(%(buckets)s::text[]) AND count > 0
"""
FORGET_ATTEMPTS = "DELETE FROM accounts.attempts WHERE window_started_at < %(before)s"

# --- API keys

INSERT_API_KEY = """
INSERT INTO accounts.api_keys (id, key_id, secret_digest, customer_id, name, scopes, created_at, expires_at)
VALUES (%(id)s, %(key_id)s, %(secret_digest)s, %(customer_id)s, %(name)s, %(scopes)s, %(created_at)s, %(expires_at)s)
"""
API_KEY_BY_KEY_ID = """
SELECT id, key_id, customer_id, name, scopes, created_at, expires_at, revoked_at, last_used_at, secret_digest
FROM accounts.api_keys WHERE key_id = %(key_id)s
"""
LIST_API_KEYS = """
SELECT id, key_id, customer_id, name, scopes, created_at, expires_at, revoked_at, last_used_at
FROM accounts.api_keys WHERE customer_id IS NOT DISTINCT FROM %(customer_id)s::uuid
ORDER BY revoked_at IS NOT NULL, id DESC LIMIT 200
"""
REVOKE_API_KEY = """
UPDATE accounts.api_keys SET revoked_at = %(at)s
WHERE id = %(id)s AND customer_id IS NOT DISTINCT FROM %(customer_id)s::uuid AND revoked_at IS NULL
"""
TOUCH_API_KEY = """
UPDATE accounts.api_keys SET last_used_at = %(at)s
WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at <= %(at)s::timestamptz - interval '1 minute')
"""

# --- audit

INSERT_AUDIT = """
INSERT INTO accounts.audit (at, actor, action, target, detail)
VALUES (%(at)s, %(actor)s, %(action)s, %(target)s, %(detail)s)
"""
LIST_AUDIT = """
SELECT id, at, actor, action, target, detail FROM accounts.audit
WHERE (%(target)s::text = '' OR target = %(target)s::text) ORDER BY id DESC LIMIT %(limit)s
"""


async def _one(tx: Tx, row: type[T], query: LiteralString, parameters: Mapping[str, Any]) -> T | None:
    async with tx.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchone()


async def _all(tx: Tx, row: type[T], query: LiteralString, parameters: Mapping[str, Any]) -> list[T]:
    async with tx.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


async def insert_customer(tx: Tx, **values: object) -> Customer | None:
    """The new customer, or None when its key is taken."""
    return await _one(tx, Customer, INSERT_CUSTOMER, values)


async def customer(tx: Tx, id: UUID) -> Customer | None:
    return await _one(tx, Customer, CUSTOMER, {"id": id})


async def customers_by_id(tx: Tx, ids: Sequence[UUID]) -> list[Customer]:
    return await _all(tx, Customer, CUSTOMERS_BY_ID, {"ids": list(ids)})


async def customer_ids_by_key(tx: Tx, keys: Sequence[str]) -> dict[str, UUID]:
    return dict(await (await tx.execute(CUSTOMER_IDS_BY_KEY, {"keys": list(keys)})).fetchall())


async def existing_customer_ids(tx: Tx, ids: Sequence[UUID]) -> set[UUID]:
    return {id for (id,) in await (await tx.execute(EXISTING_CUSTOMER_IDS, {"ids": list(ids)})).fetchall()}


async def list_customers(tx: Tx, *, search: str, after: UUID | None, limit: int) -> list[Customer]:
    return await _all(tx, Customer, LIST_CUSTOMERS, {"search": search, "after": after, "limit": limit})


async def count_customers(tx: Tx) -> int:
    row = await (await tx.execute(COUNT_CUSTOMERS)).fetchone()
    return int(row[0]) if row else 0


async def update_customer(tx: Tx, **values: object) -> Customer | None:
    return await _one(tx, Customer, UPDATE_CUSTOMER, values)


async def insert_user(tx: Tx, **values: object) -> User | None:
    """The new user, or None when the address is taken."""
    return await _one(tx, User, INSERT_USER, values)


async def user(tx: Tx, id: UUID) -> User | None:
    return await _one(tx, User, USER, {"id": id})


async def user_by_email(tx: Tx, email: str) -> User | None:
    return await _one(tx, User, USER_BY_EMAIL, {"email": email})


async def credentials_by_email(tx: Tx, email: str) -> Credentials | None:
    return await _one(tx, Credentials, CREDENTIALS_BY_EMAIL, {"email": email})


async def update_user_name(tx: Tx, id: UUID, name: str) -> None:
    await tx.execute(UPDATE_USER_NAME, {"id": id, "name": name})


async def update_password_hash(tx: Tx, id: UUID, encoded: str) -> None:
    await tx.execute(UPDATE_PASSWORD_HASH, {"id": id, "password_hash": encoded})


async def disable_user(tx: Tx, id: UUID, at: datetime) -> bool:
    return (await tx.execute(DISABLE_USER, {"id": id, "at": at})).rowcount == 1


async def insert_member(tx: Tx, *, customer_id: UUID, user_id: UUID, created_at: datetime) -> None:
    await tx.execute(INSERT_MEMBER, {"customer_id": customer_id, "user_id": user_id, "created_at": created_at})


async def members(tx: Tx, customer_id: UUID) -> list[User]:
    return await _all(tx, User, MEMBERS, {"customer_id": customer_id})


async def insert_session(tx: Tx, **values: object) -> None:
    await tx.execute(INSERT_SESSION, values)


async def signed_in_session(tx: Tx, token_digest: bytes) -> SignedInSession | None:
    return await _one(tx, SignedInSession, SIGNED_IN_SESSION, {"token_digest": token_digest})


async def touch_session(tx: Tx, id: UUID, at: datetime) -> None:
    await tx.execute(TOUCH_SESSION, {"id": id, "at": at})


async def end_session(tx: Tx, token_digest: bytes, at: datetime, why: str) -> bool:
    return (await tx.execute(END_SESSION, {"token_digest": token_digest, "at": at, "why": why})).rowcount == 1


async def end_session_of_user(tx: Tx, *, id: UUID, user_id: UUID, at: datetime, why: str) -> bool:
    values = {"id": id, "user_id": user_id, "at": at, "why": why}
    return (await tx.execute(END_SESSION_OF_USER, values)).rowcount == 1


async def end_sessions_of_user(tx: Tx, *, user_id: UUID, at: datetime, why: str, but: UUID | None) -> int:
    values = {"user_id": user_id, "at": at, "why": why, "but": but}
    return (await tx.execute(END_SESSIONS_OF_USER, values)).rowcount


async def live_sessions(tx: Tx, *, user_id: UUID, now: datetime, idle: timedelta) -> list[Session]:
    return await _all(tx, Session, LIVE_SESSIONS, {"user_id": user_id, "now": now, "idle_since": now - idle})


async def is_new_device(tx: Tx, *, user_id: UUID, user_agent: str, ip: str) -> bool:
    """Whether the user has signed in before, but never from this browser and address."""
    row = await (await tx.execute(KNOWN_DEVICE, {"user_id": user_id, "user_agent": user_agent, "ip": ip})).fetchone()
    return bool(row and row[0] and not row[1])


async def count_attempt(tx: Tx, *, bucket: str, at: datetime, window: timedelta) -> tuple[int, datetime]:
    """Count one attempt. Gives the attempts of the running window, this one included, and its start."""
    row = await (await tx.execute(COUNT_ATTEMPT, {"bucket": bucket, "at": at, "window": window})).fetchone()
    assert row is not None, "an upsert with RETURNING gives a row"
    return int(row[0]), row[1]


async def forgive_attempts(tx: Tx, *, wholly: Sequence[str], one_each: Sequence[str]) -> None:
    await tx.execute(FORGIVE_ATTEMPTS, {"buckets": list(wholly)})
    await tx.execute(FORGIVE_ONE_ATTEMPT, {"buckets": list(one_each)})


async def forget_attempts(tx: Tx, before: datetime) -> int:
    return (await tx.execute(FORGET_ATTEMPTS, {"before": before})).rowcount


async def insert_api_key(tx: Tx, key: ApiKey, secret_digest: bytes) -> None:
    values = {
        "id": key.id,
        "key_id": key.key_id,
        "secret_digest": secret_digest,
        "customer_id": key.customer_id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }
    await tx.execute(INSERT_API_KEY, values)


def _api_key(row: tuple[Any, ...]) -> ApiKey:
    id, key_id, customer_id, name, scopes, *times = row[:9]
    return ApiKey(id, key_id, customer_id, name, tuple(scopes), *times)


async def api_key_by_key_id(tx: Tx, key_id: str) -> StoredApiKey | None:
    row = await (await tx.execute(API_KEY_BY_KEY_ID, {"key_id": key_id})).fetchone()
    return StoredApiKey(_api_key(row), row[9]) if row else None


async def list_api_keys(tx: Tx, customer_id: UUID | None) -> list[ApiKey]:
    return [_api_key(row) for row in await (await tx.execute(LIST_API_KEYS, {"customer_id": customer_id})).fetchall()]


async def revoke_api_key(tx: Tx, *, id: UUID, customer_id: UUID | None, at: datetime) -> bool:
    return (await tx.execute(REVOKE_API_KEY, {"id": id, "customer_id": customer_id, "at": at})).rowcount == 1


async def touch_api_key(tx: Tx, id: UUID, at: datetime) -> None:
    await tx.execute(TOUCH_API_KEY, {"id": id, "at": at})


async def insert_audit(
    tx: Tx, *, at: datetime, actor: str, action: str, target: str, detail: Mapping[str, object]
) -> None:
    values = {"at": at, "actor": actor, "action": action, "target": target, "detail": Jsonb(dict(detail))}
    await tx.execute(INSERT_AUDIT, values)


async def list_audit(tx: Tx, *, target: str, limit: int) -> list[AuditEntry]:
    return await _all(tx, AuditEntry, LIST_AUDIT, {"target": target, "limit": limit})


async def operator_emails(tx: Tx) -> list[str]:
    """Where operators read what needs one of them."""
    return [row[0] for row in await (await tx.execute(OPERATOR_EMAILS)).fetchall()]
