"""The payment of a top-up goes back: what is unused goes with it, and the customer is told."""

from __future__ import annotations

from uuid import UUID

from autorisen import ledger, payments
from autorisen.billing.wallet import store, store_top_ups
from autorisen.billing.wallet.automatic_top_up import switch_off
from autorisen.billing.wallet.await_success import await_success
from autorisen.billing.wallet.errors import GrantNotFound, NotRefundable
from autorisen.billing.wallet.hold_back import hold_back, release
from autorisen.billing.wallet.mail_credits import mail_dispute_won, mail_top_up_returned
from autorisen.billing.wallet.model import GrantKind, TopUp, TopUpStatus, top_up_of
from autorisen.billing.wallet.move_credits import hold
from autorisen.billing.wallet.top_up import bought_credits
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit


async def is_paid_grant(tx: Tx, grant_id: UUID) -> bool:
    """Whether the customer bought these credits, so that they are refunded and not just taken back."""
    found = await store.find_grant(tx, grant_id)
    return found is not None and found.kind is GrantKind.PAID


async def refund_credits(unit: Unit, grant_id: UUID, *, customer_id: UUID | None = None) -> Money:
    """Send the unused part of a top-up back to the card it came from; its credits are gone at once. Gives the amount.

    `customer_id` is whose they have to be.

    Raises `GrantNotFound`, `NotRefundable`, and `payments.NotRefundable` when the gateway can't send it back.
    """
    found = await hold(unit, grant_id)
    if found is None or customer_id not in (None, found.customer_id):
        raise GrantNotFound(f"there is no {public_id('crd', grant_id)}")
    if found.kind is not GrantKind.PAID:
        raise NotRefundable("nobody paid for them; take them back instead")
    if not found.remaining:
        raise NotRefundable("nothing is left of them")
    payment_id = UUID(found.source.partition(":")[2])
    void = await hold_back(unit, found, found.remaining, "refund of what is unused")
    await payments.refund_payment(unit, payment_id, amount=found.remaining, reference=f"credits:{void}")
    return found.remaining


async def on_top_up_refunded(unit: Unit, fact: payments.PaymentRefunded) -> None:
    """Money of a top-up went back: take what is unused of it, book it, and say so."""
    await await_success(unit.tx, fact.payment_id)
    found = await bought_credits(unit.tx, fact.payment_id)
    if found is None:
        return
    grant = await hold(unit, found.id)
    assert grant is not None, "grants are never deleted"
    amount = Money(fact.amount_minor, fact.currency)
    before = Money((fact.refunded_minor or fact.amount_minor) - fact.amount_minor, fact.currency)
    # What is held back already, for this refund or by a dispute, and what is still to be taken.
    held = Money(max(await store.voided(unit.tx, grant.id) - before.minor, 0), fact.currency)
    missing = min(grant.remaining, amount - min(held, amount))
    if missing:
        await hold_back(unit, grant, missing, "its payment was refunded")
    taken = min(amount, held + missing)
    posting = ledger.postings.wallet_refunded(
        payment_id=fact.payment_id,
        customer_id=fact.customer_id,
        gateway=fact.gateway,
        amount=amount,
        held=taken,
        was_disputed=await payments.left_dispute(unit.tx, fact),
        before=before,
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    await _say(unit, fact.reference, amount, taken, refunded=True)


async def on_top_up_disputed(unit: Unit, fact: payments.PaymentDisputed) -> None:
    """The payer's bank asks for the money: what is unused can't be spent until that is decided."""
    await await_success(unit.tx, fact.payment_id)
    found = await bought_credits(unit.tx, fact.payment_id)
    if found is None:
        return
    amount = Money(fact.amount_minor, fact.currency)
    posting = ledger.postings.dispute_opened(
        payment_id=fact.payment_id, gateway=fact.gateway, amount=amount, number=None, ordinal=fact.ordinal
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    grant = await hold(unit, found.id)
    assert grant is not None, "grants are never deleted"
    # The news of its end may be heard first.
    if (await _payment(unit, fact.payment_id)).disputes_won >= fact.ordinal:
        return
    if grant.remaining:
        await hold_back(unit, grant, grant.remaining, "its payment is disputed")
    await _say(unit, fact.reference, amount, grant.remaining, refunded=False)


async def give_back_credits(unit: Unit, fact: payments.PaymentDisputeWon, grant_id: UUID) -> None:
    """The bank gave in: what was taken back of the credits can be spent again, but for what went back meanwhile."""
    amount = Money(fact.amount_minor, fact.currency)
    posting = ledger.postings.dispute_won(
        payment_id=fact.payment_id, gateway=fact.gateway, amount=amount, ordinal=fact.ordinal
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    grant = await hold(unit, grant_id)
    assert grant is not None, "grants are never deleted"
    payment, top_up = await _payment(unit, fact.payment_id), await _top_up(unit, fact.reference)
    # Until this is heard it may have been asked back again. A dispute that was over when it was heard took nothing.
    if payment.status is payments.PaymentStatus.DISPUTED or top_up.status is not TopUpStatus.RETURNED:
        return
    gone = max(payment.refunded_minor, payment.refund_asked_minor)
    back = Money(max(await store.voided(unit.tx, grant.id) - gone, 0), fact.currency)
    if back:
        steps = await payments.history(unit.tx, payment.id)
        asked_at = [step.at for step in steps if step.to_status is payments.PaymentStatus.DISPUTED]
        await release(unit, grant, back, asked_at[fact.ordinal - 1])
    if not gone:
        await store_top_ups.settle(unit.tx, top_up.id, TopUpStatus.PAID, unit.now)
    await mail_dispute_won(unit, top_up, amount, back)


async def _payment(unit: Unit, payment_id: UUID) -> payments.Payment:
    payment = await payments.payment(unit.tx, payment_id)
    assert payment is not None, "credits are bought by payments"
    return payment


async def _top_up(unit: Unit, reference: str) -> TopUp:
    top_up_id = top_up_of(reference)
    assert top_up_id is not None, "credits are bought by top-ups"
    top_up = await store_top_ups.find_top_up(unit.tx, top_up_id, lock=True)
    assert top_up is not None, "top-ups are never deleted"
    return top_up


async def _say(unit: Unit, reference: str, amount: Money, taken: Money, *, refunded: bool) -> None:
    top_up = await _top_up(unit, reference)
    await store_top_ups.settle(unit.tx, top_up.id, TopUpStatus.RETURNED, unit.now)
    await switch_off(unit, top_up, "a top-up was refunded" if refunded else "a top-up is disputed at your bank")
    await mail_top_up_returned(unit, top_up, amount, taken, refunded=refunded)
