"""How often something may be tried, counted in the database so that all web processes agree (ASVS V6.1.1, V6.3.1).

An attempt is counted, and committed, before it is checked: attempts sent at the same moment can't slip through. The
narrow rule (one address from one place) trips first, so that a stranger elsewhere can't lock an owner out with it;
the wide rules bound guessing that is spread over many addresses or many places.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from autorisen.accounts import store
from autorisen.accounts.errors import TooManyAttempts
from autorisen.kit.crypto import digest
from autorisen.kit.unit import Runtime, Unit


@dataclass(frozen=True)
class Rule:
    """At most `attempts` in one `window` for the same `what`."""

    what: Literal["account+ip", "account", "ip"]
    attempts: int
    window: timedelta


LOGIN_RULES = (
    Rule("account+ip", 10, timedelta(minutes=15)),
    Rule("account", 50, timedelta(minutes=15)),
    Rule("ip", 100, timedelta(minutes=15)),
)
REGISTER_RULES = (Rule("ip", 60, timedelta(hours=1)),)
LONGEST_WINDOW = timedelta(hours=1)


def bucket(action: str, rule: Rule, *, email: str, ip: str) -> str:
    """The name under which attempts are counted. Digests only: people type passwords into e-mail fields."""
    parts = {"account+ip": (email, ip), "account": (email,), "ip": (ip,)}[rule.what]
    return f"{action}:{rule.what}:{digest('|'.join(parts)).hex()[:32]}"


def _action(rules: tuple[Rule, ...]) -> str:
    return "login" if rules is LOGIN_RULES else "register"


def network(ip: str) -> str:
    """The address that counts: one IPv6 customer holds a whole /64."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else ip


async def count_attempts(runtime: Runtime, rules: tuple[Rule, ...], *, email: str, ip: str) -> None:
    """Count one attempt against every rule. Raises `TooManyAttempts` with the seconds to wait."""
    email, place = email.strip().lower(), network(ip)
    async with runtime.unit() as unit:
        # In one order everywhere, so that two attempts can't deadlock.
        for rule in sorted(rules, key=lambda rule: rule.what):
            name = bucket(_action(rules), rule, email=email, ip=place)
            await _count(unit, rule, name)


async def _count(unit: Unit, rule: Rule, name: str) -> None:
    count, started_at = await store.count_attempt(unit.tx, bucket=name, at=unit.wall_now, window=rule.window)
    if count > rule.attempts:
        seconds = max(1, math.ceil((started_at + rule.window - unit.wall_now).total_seconds()))
        raise TooManyAttempts(f"wait {seconds} seconds, then try again", retry_after_seconds=seconds)


async def forgive(unit: Unit, *, email: str, ip: str) -> None:
    """After a successful sign-in: what the owner mistyped from here no longer counts; the wide rules lose one."""
    email, place = email.strip().lower(), network(ip)
    names = {rule.what: bucket("login", rule, email=email, ip=place) for rule in LOGIN_RULES}
    await store.forgive_attempts(unit.tx, wholly=[names["account+ip"]], one_each=[names["account"], names["ip"]])


async def forget_old_attempts(unit: Unit, _payload: dict[str, object]) -> None:
    """Remove counters whose window is long over; a nightly job."""
    await store.forget_attempts(unit.tx, unit.wall_now - 2 * LONGEST_WINDOW)
