"""Sessions of signed-in browsers: 256-bit tokens, of which the database knows only the SHA-256.

Time limits are by the wall clock, so that a simulated month logs nobody out. See `model.session_limits`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from autorisen.accounts import store
from autorisen.accounts.audit import record_audit
from autorisen.accounts.model import Principal, Session, SignedInSession, User, session_limits
from autorisen.kit.crypto import derive_key, digest, equal, keyed_digest, url_safe
from autorisen.kit.database import Tx
from autorisen.kit.unit import Runtime, Unit

_TOUCH_EVERY = timedelta(minutes=1)
_USER_AGENT_LENGTH_MAX = 200


def device(user_agent: str) -> str:
    """A browser's own name, cut to size and cleaned, as it is stored and shown."""
    return "".join(letter for letter in user_agent if letter.isprintable())[:_USER_AGENT_LENGTH_MAX]


async def start_session(unit: Unit, user: User, *, user_agent: str, ip: str) -> str:
    """Start a session and give its token, which is stored nowhere. Always a new one, never one that came with the
    request (ASVS V7.2.4)."""
    token = unit.ids.token(32)
    await store.insert_session(
        unit.tx,
        id=unit.ids.new(),
        token_digest=digest(token),
        user_id=user.id,
        at=unit.wall_now,
        expires_at=unit.wall_now + session_limits(is_operator=user.is_operator).absolute,
        user_agent=device(user_agent),
        ip=ip,
    )
    return token


async def principal_of_session(runtime: Runtime, token: str) -> Principal | None:
    """Who is behind a session token; None when it is unknown, ended, idle for too long or too old.

    Notes the use at most once a minute, so that reading pages does not write.
    """
    token_digest, now = digest(token), runtime.wall.now()
    async with runtime.database.read() as tx:
        session = await store.signed_in_session(tx, token_digest)
    if session is None or not equal(session.token_digest, token_digest):
        return None
    idle = now - session.last_seen_at
    if now >= session.expires_at or idle >= session_limits(is_operator=session.is_operator).idle:
        return None
    if idle >= _TOUCH_EVERY:
        async with runtime.database.transaction() as tx:
            await store.touch_session(tx, session.session_id, now)
    return _principal(session)


async def principal_of_new_session(tx: Tx, token: str) -> Principal:
    """Who is behind a session that this transaction has just started."""
    session = await store.signed_in_session(tx, digest(token))
    assert session is not None, "it was started in this transaction"
    return _principal(session)


def _principal(session: SignedInSession) -> Principal:
    return Principal(
        kind="user",
        user_id=session.user_id,
        customer_id=session.customer_id,
        is_operator=session.is_operator,
        session_id=session.session_id,
        name=session.name,
        email=session.email,
        customer_name=session.customer_name or "",
        time_zone=session.time_zone or "UTC",
    )


async def end_session(unit: Unit, token: str, *, why: str = "signed out") -> bool:
    """End the session for good, wherever its token may have got to. False when it was over already."""
    return await store.end_session(unit.tx, digest(token), unit.wall_now, why)


async def end_own_session(unit: Unit, principal: Principal, session_id: UUID) -> bool:
    """End one of the person's own sessions (ASVS V7.5.2). False when there is no such live session of theirs."""
    assert principal.user_id is not None, "only people have sessions"
    done = await store.end_session_of_user(
        unit.tx, id=session_id, user_id=principal.user_id, at=unit.wall_now, why="ended by its owner"
    )
    if done:
        await record_audit(unit, actor=principal.actor, action="session.ended", target=principal.actor)
    return done


async def end_other_sessions(unit: Unit, principal: Principal) -> int:
    """End all sessions of the person but the one that asks. Gives how many."""
    assert principal.user_id is not None, "only people have sessions"
    count = await store.end_sessions_of_user(
        unit.tx, user_id=principal.user_id, at=unit.wall_now, why="ended by its owner", but=principal.session_id
    )
    detail = {"count": count}
    await record_audit(
        unit, actor=principal.actor, action="session.others_ended", target=principal.actor, detail=detail
    )
    return count


async def sessions_of(tx: Tx, principal: Principal, now: datetime) -> list[Session]:
    """The person's live sessions, last used first; `now` is real time."""
    assert principal.user_id is not None, "only people have sessions"
    idle = session_limits(is_operator=principal.is_operator).idle
    return await store.live_sessions(tx, user_id=principal.user_id, now=now, idle=idle)


def csrf_token(secret_key: str, session_token: str) -> str:
    """The token that forms of this session carry. Nothing is stored: it is a MAC over the session's token."""
    return url_safe(keyed_digest(derive_key(secret_key, "csrf"), session_token))
