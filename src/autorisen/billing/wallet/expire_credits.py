"""Credits end at their instant, in business time; a week before, their owner is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from autorisen import ledger
from autorisen.billing.wallet import store
from autorisen.billing.wallet.mail_credits import mail_expiring
from autorisen.billing.wallet.model import Grant, MovementKind, life_given_back
from autorisen.billing.wallet.move_credits import hold, take
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, enqueue

EXPIRE = "billing.expire_credits"
WARN = "billing.warn_of_expiry"
NOTICE = timedelta(days=7)


async def give_life_back(unit: Unit, grant: Grant, since: datetime) -> None:
    """The time in which credits could not be spent, from `since` until now, is added to their life."""
    expires_at = life_given_back(grant, since, unit.now)
    if expires_at is not None and expires_at != grant.expires_at:
        await store.extend_grant(unit.tx, grant.id, expires_at)
        await schedule_expiry(unit, replace(grant, expires_at=expires_at))


async def schedule_expiry(unit: Unit, grant: Grant) -> None:
    """Have a grant expired at its instant, and its owner told a week before, if there is a week."""
    if grant.expires_at is None:
        return
    at, payload = grant.expires_at.isoformat(), {"grant_id": grant.id}
    # The instant is part of the key: credits that come back late live longer, and get jobs of their own.
    await enqueue(unit, EXPIRE, payload, due_at=grant.expires_at, key=f"{EXPIRE}:{grant.id}:{at}")
    warn_at = grant.expires_at - NOTICE
    if warn_at > unit.now:
        await enqueue(unit, WARN, payload, due_at=warn_at, key=f"{WARN}:{grant.id}:{at}")


async def expire_grant(unit: Unit, grant_id: UUID) -> None:
    """Take what is left of credits whose time is over; before that, or when nothing is left, nothing happens."""
    found = await hold(unit, grant_id)
    assert found is not None, "grants are never deleted"
    if not found.remaining or found.is_usable(unit.now):
        return
    movement = await take(unit, found, MovementKind.EXPIRE, "")
    posting = ledger.postings.wallet_expired(
        expiry_id=movement.id, customer_id=found.customer_id, amount=found.remaining, was_paid=found.was_paid
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)


async def warn_of_expiry(unit: Unit, grant_id: UUID) -> None:
    """Tell the owner of credits that end within a week. Credits that live longer meanwhile have a later job."""
    found = await store.find_grant(unit.tx, grant_id)
    assert found is not None, "grants are never deleted"
    if found.is_usable(unit.now) and found.expires_at is not None and found.expires_at - NOTICE <= unit.now:
        await mail_expiring(unit, found)


async def _expire(unit: Unit, payload: dict[str, Any]) -> None:
    await expire_grant(unit, UUID(payload["grant_id"]))


async def _warn(unit: Unit, payload: dict[str, Any]) -> None:
    await warn_of_expiry(unit, UUID(payload["grant_id"]))


EXPIRY_JOBS = (Job(EXPIRE, _expire), Job(WARN, _warn))
