"""Sign in with e-mail and password, and sign out."""

from __future__ import annotations

from dataclasses import dataclass

from autorisen.accounts import store
from autorisen.accounts.audit import record_audit
from autorisen.accounts.errors import WrongCredentials
from autorisen.accounts.model import Credentials, Principal, User
from autorisen.accounts.passwords import hash_password, needs_rehash, verify_password
from autorisen.accounts.sessions import device, end_session, principal_of_new_session, start_session
from autorisen.accounts.throttle import LOGIN_RULES, count_attempts, forgive
from autorisen.kit import mail
from autorisen.kit.crypto import digest
from autorisen.kit.unit import Runtime, Unit


@dataclass(frozen=True)
class SignIn:
    """The token for the cookie, and who it makes the request act as."""

    token: str
    principal: Principal


async def log_in(
    runtime: Runtime, *, email: str, password: str, ip: str, user_agent: str, replaces: str | None = None
) -> SignIn:
    """Start a session. `replaces` is the token of the session that the browser had before: it ends.

    Three steps, so that no transaction is open while the password is verified: count the attempt and read the hash;
    verify; commit session, audit entry and notice. An unknown address takes the same steps.
    Raises `WrongCredentials`, `TooManyAttempts`.
    """
    await count_attempts(runtime, LOGIN_RULES, email=email, ip=ip)
    credentials = await _credentials(runtime, email)
    encoded = credentials.password_hash if credentials else None
    matches = await verify_password(encoded, password)
    if credentials is None or not matches or credentials.disabled_at is not None:
        async with runtime.unit() as unit:
            # Of the address only a digest: people type passwords into e-mail fields.
            target = f"login:{digest(email.strip().lower()).hex()[:16]}"
            await record_audit(unit, actor="nobody", action="login.failed", target=target, detail={"ip": ip})
        raise WrongCredentials("check both, or register first")
    renewed = await hash_password(password) if needs_rehash(credentials.password_hash) else None
    async with runtime.unit() as unit:
        if renewed is not None:
            await store.update_password_hash(unit.tx, credentials.user_id, renewed.encoded)
        return await _sign_in(unit, credentials, email=email, ip=ip, user_agent=user_agent, replaces=replaces)


async def _credentials(runtime: Runtime, email: str) -> Credentials | None:
    typed = email.strip()
    if not typed.isprintable():
        return None
    async with runtime.database.read() as tx:
        return await store.credentials_by_email(tx, typed)


async def _sign_in(
    unit: Unit, credentials: Credentials, *, email: str, ip: str, user_agent: str, replaces: str | None
) -> SignIn:
    user = await store.user(unit.tx, credentials.user_id)
    if user is None or user.disabled_at is not None:  # disabled while the password was verified
        raise WrongCredentials("check both, or register first")
    await forgive(unit, email=email, ip=ip)
    if replaces:
        await end_session(unit, replaces, why="signed in again")
    if await store.is_new_device(unit.tx, user_id=user.id, user_agent=device(user_agent), ip=ip):
        await _notify(unit, user, user_agent=device(user_agent), ip=ip)
    token = await start_session(unit, user, user_agent=user_agent, ip=ip)
    await record_audit(unit, actor=user.public_id, action="login.succeeded", target=user.public_id, detail={"ip": ip})
    return SignIn(token, await principal_of_new_session(unit.tx, token))


async def _notify(unit: Unit, user: User, *, user_agent: str, ip: str) -> None:
    text = (
        f"Hello {user.name},\n\n"
        "your autorisen account was signed in to from a browser or an address that we have not seen before.\n\n"
        f"When: {unit.wall_now:%d %B %Y, %H:%M} UTC\nAddress: {ip}\nBrowser: {user_agent or 'unknown'}\n\n"
        f"If it was not you, end that session at {unit.settings.base_url}/app/settings and change your password.\n"
    )
    await mail.send(unit, mail.Message(user.email, "New sign-in to your account", text))


async def log_out(runtime: Runtime, principal: Principal | None, token: str) -> None:
    """End the session on the server; the cookie alone would leave a copied token alive (ASVS V7.4.1)."""
    async with runtime.unit() as unit:
        if await end_session(unit, token) and principal is not None:
            await record_audit(unit, actor=principal.actor, action="logout", target=principal.actor)
