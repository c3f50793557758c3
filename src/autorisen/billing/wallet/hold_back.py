"""Take credits out of a wallet whose payer has the money back, or asks for it at the bank."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen import ledger, payments
from autorisen.billing.wallet import store, store_top_ups
from autorisen.billing.wallet.expire_credits import give_life_back
from autorisen.billing.wallet.model import (
    Grant,
    Movement,
    MovementKind,
    TopUpStatus,
    top_up_of,
)
from autorisen.billing.wallet.move_credits import take
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit


async def hold_back(unit: Unit, grant: Grant, amount: Money, reason: str, explains: Money | None = None) -> UUID:
    """Take so much of a held grant. `explains` of it is money that went back already and waits for its reason."""
    movement = await take(unit, grant, MovementKind.VOID, reason, amount)
    posting = ledger.postings.wallet_held_back(
        void_id=movement.id,
        customer_id=grant.customer_id,
        amount=amount,
        explains=explains or Money.zero(amount.currency),
        reason=reason,
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    return movement.id


async def release(unit: Unit, grant: Grant, amount: Money, since: datetime) -> None:
    """Give back so much of what a dispute has held of a grant `since`: that time does not count against its life."""
    movement = Movement(
        id=unit.ids.new(),
        grant_id=grant.id,
        customer_id=grant.customer_id,
        kind=MovementKind.RELEASE,
        amount=amount,
        invoice_id=None,
        reason="the dispute of its payment was decided",
        at=unit.now,
    )
    await store.insert_movements(unit.tx, [movement])
    await give_life_back(unit, grant, since)
    posting = ledger.postings.wallet_released(movement_id=movement.id, customer_id=grant.customer_id, amount=amount)
    await ledger.post_fact(unit, posting, occurred_at=unit.now)


async def hold_back_returned(unit: Unit, grant_id: UUID, amount: Money) -> None:
    """Credits came back of which the payer has the money, or asks for it: they are not spent a second time.

    Until the news of the payment is heard nothing is done: then it takes what is there. The caller holds the grant.
    """
    grant = await store.find_grant(unit.tx, grant_id)
    assert grant is not None, "grants are never deleted"
    kind, _, id = grant.source.partition(":")
    payment = await payments.payment(unit.tx, UUID(id)) if kind == "payment" else None
    top_up_id = None if payment is None else top_up_of(payment.reference)
    top_up = None if top_up_id is None else await store_top_ups.find_top_up(unit.tx, top_up_id)
    if payment is None or top_up is None or top_up.status is not TopUpStatus.RETURNED:
        return
    before, gone = await store.voided(unit.tx, grant.id), payment.refunded_minor
    asked = payment.amount.minor if payment.status is payments.PaymentStatus.DISPUTED else gone
    taken = min(amount.minor, asked - before)
    if taken > 0:
        explains = Money(min(taken, max(gone - before, 0)), amount.currency)
        await hold_back(unit, grant, Money(taken, amount.currency), "its payment went back", explains)
