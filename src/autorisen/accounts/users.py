"""Users and memberships."""

from __future__ import annotations

from uuid import UUID

from autorisen.accounts import store
from autorisen.accounts.audit import record_audit
from autorisen.accounts.errors import EmailAlreadyRegistered
from autorisen.accounts.input_rules import Checks
from autorisen.accounts.model import User
from autorisen.accounts.password_policy import password_errors
from autorisen.accounts.passwords import HashedPassword, hash_password
from autorisen.kit.database import Tx
from autorisen.kit.unit import Unit


async def create_user(
    unit: Unit,
    *,
    email: str,
    password: str | HashedPassword,
    name: str,
    is_operator: bool = False,
    actor: str = "system",
) -> User:
    """Create a person who can sign in. `is_operator` comes from the command line only, never from a form.

    A web request hashes the password first and passes the hash: hashing here holds the transaction open meanwhile.
    Raises `InvalidInput` naming each broken rule, `EmailAlreadyRegistered`.
    """
    checks = Checks()
    email, name = checks.email("email", email), checks.line("name", name)
    if isinstance(password, str):
        checks.errors += password_errors(password, email=email, name=name)
    checks.done()
    hashed = await hash_password(password) if isinstance(password, str) else password
    user = await store.insert_user(
        unit.tx,
        id=unit.ids.new(),
        email=email,
        name=name,
        password_hash=hashed.encoded,
        is_operator=is_operator,
        created_at=unit.now,
    )
    if user is None:
        raise EmailAlreadyRegistered
    detail = {"is_operator": is_operator}
    await record_audit(unit, actor=actor, action="user.created", target=user.public_id, detail=detail)
    return user


async def add_member(unit: Unit, *, customer_id: UUID, user_id: UUID) -> None:
    """Let a user act for a customer. Adding a member twice changes nothing."""
    await store.insert_member(unit.tx, customer_id=customer_id, user_id=user_id, created_at=unit.now)


async def rename_user(unit: Unit, *, user_id: UUID, name: str) -> None:
    """Raises `InvalidInput`."""
    checks = Checks()
    name = checks.line("user_name", name)
    checks.done()
    await store.update_user_name(unit.tx, user_id, name)


async def disable_user(unit: Unit, *, user_id: UUID, actor: str) -> bool:
    """Shut a user out at once: all sessions end (ASVS V7.4.2). False when the user was disabled already."""
    if not await store.disable_user(unit.tx, user_id, unit.wall_now):
        return False
    await store.end_sessions_of_user(unit.tx, user_id=user_id, at=unit.wall_now, why="user disabled", but=None)
    user = await store.user(unit.tx, user_id)
    await record_audit(unit, actor=actor, action="user.disabled", target=user.public_id if user else "")
    return True


async def user_by_email(tx: Tx, email: str) -> User | None:
    return await store.user_by_email(tx, email)


async def members_of(tx: Tx, customer_id: UUID) -> list[User]:
    return await store.members(tx, customer_id)
