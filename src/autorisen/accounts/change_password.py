"""Change the password of the person who is signed in."""

from __future__ import annotations

from autorisen.accounts import store
from autorisen.accounts.audit import record_audit
from autorisen.accounts.model import Principal
from autorisen.accounts.password_policy import password_errors
from autorisen.accounts.passwords import hash_password, verify_password
from autorisen.accounts.sessions import end_other_sessions
from autorisen.accounts.throttle import LOGIN_RULES, count_attempts, forgive
from autorisen.kit import mail
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.unit import Runtime


async def change_password(
    runtime: Runtime, principal: Principal, *, current_password: str, new_password: str, ip: str
) -> None:
    """Ask for the present password first, end all other sessions, and tell the owner (ASVS V6.3.7, V7.4.3).

    Raises `InvalidInput` naming the broken rules, `TooManyAttempts`.
    """
    broken = password_errors(new_password, email=principal.email, name=principal.name, field="/new_password")
    if broken:
        raise InvalidInput(errors=broken)
    await count_attempts(runtime, LOGIN_RULES, email=principal.email, ip=ip)
    async with runtime.database.read() as tx:
        credentials = await store.credentials_by_email(tx, principal.email)
    if credentials is None or not await verify_password(credentials.password_hash, current_password):
        raise InvalidInput(errors=[FieldError("/current_password", "this is not your present password")])
    hashed = await hash_password(new_password)
    async with runtime.unit() as unit:
        await forgive(unit, email=principal.email, ip=ip)
        await store.update_password_hash(unit.tx, credentials.user_id, hashed.encoded)
        await end_other_sessions(unit, principal)
        await record_audit(unit, actor=principal.actor, action="password.changed", target=principal.actor)
        text = (
            f"Hello {principal.name},\n\nthe password of your autorisen account was changed on "
            f"{unit.wall_now:%d %B %Y at %H:%M} UTC, and all other sessions were ended.\n"
            "If it was not you, write to us at once.\n"
        )
        await mail.send(unit, mail.Message(principal.email, "Your password was changed", text))
