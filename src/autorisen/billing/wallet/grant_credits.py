"""Give a customer credits, and take back what was given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from autorisen import ledger
from autorisen.billing.wallet import store
from autorisen.billing.wallet.errors import GrantNotFound, GrantRefused, NotVoidable, SourceTaken
from autorisen.billing.wallet.expire_credits import schedule_expiry
from autorisen.billing.wallet.facts import CreditsGranted
from autorisen.billing.wallet.model import (
    DEFAULT_PRIORITY,
    PAID_LIFE,
    PRIORITY_MAX,
    Grant,
    GrantKind,
    Movement,
    MovementKind,
)
from autorisen.billing.wallet.move_credits import hold, take
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.kit.work import record

REASON_LENGTH_MAX = 500
# A thousand millions in minor units: more is a slip of the finger.
AMOUNT_MAX = 100_000_000_000


async def grant(
    unit: Unit,
    *,
    customer_id: UUID,
    kind: GrantKind,
    amount: Money,
    source: str,
    reason: str = "",
    priority: int | None = None,
    expires_at: datetime | None = None,
    paid_by: str | None = None,
) -> Grant:
    """Give a customer credits, once per `source` ("payment:<uuid>", "credit_note:<uuid>"); asked again, the same grant.

    `paid_by` is the ledger account that money for `PAID` credits came to. Credits of a `CREDIT_NOTE` are posted by the
    credit note itself (`ledger.postings.credit_note_issued` settles with the wallet); the other kinds cost us.
    Raises `GrantRefused` and `SourceTaken`.
    """
    _check(kind, amount, reason, priority, expires_at, unit.now)
    made = Grant(
        id=unit.ids.new(),
        customer_id=customer_id,
        kind=kind,
        priority=DEFAULT_PRIORITY[kind] if priority is None else priority,
        amount=amount,
        remaining=amount,
        source=source,
        reason=reason,
        granted_at=unit.now,
        expires_at=None if expires_at is None else expires_at.astimezone(UTC),
    )
    if not await store.insert_grant(unit.tx, made):
        return await _granted_before(unit, made)
    movement = Movement(unit.ids.new(), made.id, customer_id, MovementKind.GRANT, amount, None, reason, unit.now)
    await store.insert_movements(unit.tx, [movement])
    posting = _posting(made, paid_by)
    if posting is not None:
        await ledger.post_fact(unit, posting, occurred_at=unit.now)
    await schedule_expiry(unit, made)
    await record(unit, CreditsGranted(made.id, customer_id, kind, amount.minor, amount.currency, expires_at))
    return made


async def _granted_before(unit: Unit, wanted: Grant) -> Grant:
    found = await store.grant_of_source(unit.tx, wanted.source)
    assert found is not None, "the source is taken by it"
    if (found.customer_id, found.kind, found.amount) != (wanted.customer_id, wanted.kind, wanted.amount):
        raise SourceTaken(f"{wanted.source} granted {found.amount} as {found.public_id}")
    return found


def _posting(made: Grant, paid_by: str | None) -> ledger.Posting | None:
    if made.kind is GrantKind.CREDIT_NOTE:
        return None
    if made.kind is GrantKind.PAID:
        assert paid_by is not None, "credits are paid for with money of some account"
        return ledger.postings.wallet_topped_up(
            grant_id=made.id, customer_id=made.customer_id, amount=made.amount, source=paid_by
        )
    return ledger.postings.wallet_granted(
        grant_id=made.id, customer_id=made.customer_id, amount=made.amount, reason=made.reason
    )


def _check(
    kind: GrantKind, amount: Money, reason: str, priority: int | None, expires_at: datetime | None, now: datetime
) -> None:
    errors = []
    if not 0 < amount.minor <= AMOUNT_MAX:
        errors.append(FieldError("/amount_minor", f"must be 1 to {AMOUNT_MAX} minor units"))
    if priority is not None and not 0 <= priority <= PRIORITY_MAX:
        errors.append(FieldError("/priority", f"must be 0 (drawn first) to {PRIORITY_MAX}"))
    if expires_at is not None and expires_at <= now:
        errors.append(FieldError("/expires_at", "must be in the future"))
    elif kind is GrantKind.PAID and expires_at is not None and expires_at < now + PAID_LIFE:
        errors.append(FieldError("/expires_at", "must be three years away or more: the customer pays for these"))
    if len(reason) > REASON_LENGTH_MAX:
        errors.append(FieldError("/reason", f"must have {REASON_LENGTH_MAX} characters at most"))
    if errors:
        raise GrantRefused(errors=errors)


async def void_grant(unit: Unit, grant_id: UUID, *, customer_id: UUID | None = None, reason: str) -> Grant:
    """Take back what is left of credits that were given. `customer_id` is whose they have to be.

    Raises `GrantNotFound`, and `NotVoidable` for credits that are the customer's money or used up.
    """
    found = await hold(unit, grant_id)
    if found is None or customer_id not in (None, found.customer_id):
        raise GrantNotFound(f"there is no {public_id('crd', grant_id)}")
    if found.was_paid:
        raise NotVoidable("the customer paid for them; refund the payment instead, and what is unused goes with it")
    if not found.remaining:
        raise NotVoidable("nothing is left of them")
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX:
        raise GrantRefused(errors=[FieldError("/reason", f"must say why, in {REASON_LENGTH_MAX} characters at most")])
    movement = await take(unit, found, MovementKind.VOID, reason)
    posting = ledger.postings.wallet_voided(
        void_id=movement.id, customer_id=found.customer_id, amount=found.remaining, reason=reason
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    return replace(found, remaining=Money.zero(found.amount.currency))
