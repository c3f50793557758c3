"""A customer buys credits: a checkout, and the grant once the gateway says that the money has come."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from autorisen import accounts, ledger, payments
from autorisen.billing.unapplied.keep_unapplied import keep_unapplied
from autorisen.billing.wallet import store, store_top_ups
from autorisen.billing.wallet.automatic_top_up import forget_failures, note_failure, top_up_if_low
from autorisen.billing.wallet.errors import TopUpRefused
from autorisen.billing.wallet.grant_credits import grant
from autorisen.billing.wallet.mail_credits import mail_topped_up
from autorisen.billing.wallet.model import (
    PAID_LIFE,
    TOP_UP_LIMITS,
    Grant,
    GrantKind,
    TopUp,
    TopUpStatus,
    top_up_of,
)
from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Runtime, Unit

# A second click within this time finds the first one's checkout.
PAGE_REUSED_FOR = timedelta(hours=1)


async def start_top_up(runtime: Runtime, *, customer_id: UUID, amount: Money) -> payments.Checkout:
    """The checkout in which credits can be bought; nothing is granted before it is paid. The same for a double click.

    Raises `TopUpRefused`, and what `payments.start_checkout` raises.
    """
    async with runtime.unit() as unit:
        customer = await accounts.customer(unit.tx, customer_id)
        check_amount(amount, customer.currency)
        await store_top_ups.lock_customer(unit.tx, customer_id)
        since = unit.now - PAGE_REUSED_FOR
        top_up = await store_top_ups.waiting(unit.tx, customer_id, amount, since)
        if top_up is None:
            top_up = new_top_up(unit, customer_id, amount, automatic=False)
            await store_top_ups.insert_top_up(unit.tx, top_up)
    return await payments.start_checkout(
        runtime,
        customer_id=customer_id,
        reference=top_up.reference,
        amount=amount,
        description=f"Credits of {amount.format()}",
        return_url="/app/credits",
    )


def new_top_up(unit: Unit, customer_id: UUID, amount: Money, *, automatic: bool) -> TopUp:
    """A top-up that begins now."""
    return TopUp(unit.ids.new(), customer_id, amount, automatic, TopUpStatus.PENDING, "", unit.now, None)


def check_amount(amount: Money, currency: str) -> None:
    """Raises `TopUpRefused` for another currency than the customer's, and for what is too little or too much."""
    if amount.currency != currency:
        raise TopUpRefused(errors=[FieldError("/currency", f"must be {currency}, in which you are billed")])
    least, most = (Money(minor, currency) for minor in TOP_UP_LIMITS[currency])
    if amount < least or most < amount:
        raise TopUpRefused(errors=[FieldError("/amount_minor", f"must be {least} to {most}")])


async def settle_top_up(unit: Unit, fact: payments.PaymentSucceeded) -> None:
    """Grant the credits that a payment bought, once, if it is exactly what was asked for.

    Anything else is kept as an unapplied payment: owed to the payer, and in front of the operator.
    """
    top_up_id = top_up_of(fact.reference)
    if top_up_id is None or await bought_credits(unit.tx, fact.payment_id) is not None:
        return
    top_up = await store_top_ups.find_top_up(unit.tx, top_up_id, lock=True)
    reason = why_not(top_up, fact)
    if top_up is None or reason is not None:
        await keep_unapplied(unit, fact, reason or "there is no such top-up")
        return
    await store_top_ups.settle(unit.tx, top_up.id, TopUpStatus.PAID, unit.now)
    await grant(
        unit,
        customer_id=top_up.customer_id,
        kind=GrantKind.PAID,
        amount=top_up.amount,
        source=payment_source(fact.payment_id),
        reason="Automatic top-up" if top_up.automatic else "Top-up",
        expires_at=unit.now + PAID_LIFE,
        paid_by=ledger.chart.clearing(fact.gateway),
    )
    await mail_topped_up(unit, top_up)
    if top_up.automatic:
        await forget_failures(unit, top_up)
        await top_up_if_low(unit, top_up.customer_id, top_up.amount.currency)


def why_not(top_up: TopUp | None, fact: payments.PaymentSucceeded) -> str | None:
    """Why a payment can't settle a top-up, or None when it can. Pure."""
    if top_up is None:
        return "there is no such top-up"
    if top_up.customer_id != fact.customer_id:
        return "the top-up is another customer's"
    if top_up.status in (TopUpStatus.PAID, TopUpStatus.RETURNED):
        return f"the top-up is {top_up.status} by another payment"
    if (top_up.amount.minor, top_up.amount.currency) != (fact.amount_minor, fact.currency):
        return f"the top-up asks for {top_up.amount}"
    return None


async def fail_top_up(unit: Unit, fact: payments.PaymentFailed) -> None:
    """Note that a top-up came to nothing. Whoever stands before the gateway's page sees it there."""
    top_up_id = top_up_of(fact.reference)
    top_up = None if top_up_id is None else await store_top_ups.find_top_up(unit.tx, top_up_id, lock=True)
    if top_up is None or top_up.status is not TopUpStatus.PENDING:
        return
    await store_top_ups.settle(unit.tx, top_up.id, TopUpStatus.FAILED, unit.now, fact.reason)
    if top_up.automatic:
        await note_failure(unit, top_up, fact.reason)


def payment_source(payment_id: UUID) -> str:
    """The source of credits that a payment bought."""
    return f"payment:{payment_id}"


async def bought_credits(tx: Tx, payment_id: UUID) -> Grant | None:
    """The credits that a payment bought; None for a payment of anything else."""
    return await store.grant_of_source(tx, payment_source(payment_id))
