"""A customer's wallet as one value: the balance, the grants, what was agreed to, and the latest top-ups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen import accounts, payments
from autorisen.billing.checkout_state import CheckoutState
from autorisen.billing.unapplied.store import unapplied_payment
from autorisen.billing.wallet import store, store_top_ups
from autorisen.billing.wallet.model import AutomaticTopUp, Grant, TopUp, balance, draw_order, top_up_of
from autorisen.billing.wallet.top_up import bought_credits
from autorisen.kit.database import Tx
from autorisen.kit.ids import MalformedId, parse_public_id
from autorisen.kit.money import Money


@dataclass(frozen=True)
class Wallet:
    """What a customer has. `usable` are in the order in which they are drawn; `past` are used up or over, newest first.

    `others` are balances in currencies in which the customer is not billed.
    """

    customer: accounts.Customer
    balance: Money
    others: tuple[Money, ...]
    usable: tuple[Grant, ...]
    past: tuple[Grant, ...]
    automatic: AutomaticTopUp | None
    top_ups: tuple[TopUp, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there never were any credits."""
        return not self.usable and not self.past

    @property
    def next_to_expire(self) -> Grant | None:
        """What has to be used first to be used at all."""
        ending = [grant for grant in self.usable if grant.expires_at is not None]
        return min(ending, key=lambda grant: grant.expires_at or grant.granted_at, default=None)


async def read_wallet(tx: Tx, customer_id: UUID, now: datetime) -> Wallet:
    """A customer's wallet at an instant. Raises `accounts.CustomerNotFound`."""
    customer = await accounts.customer(tx, customer_id)
    grants = await store.grants_of(tx, customer_id)
    currencies = sorted({grant.amount.currency for grant in grants} - {customer.currency})
    return Wallet(
        customer=customer,
        balance=balance(grants, customer.currency, now),
        others=tuple(each for each in (balance(grants, currency, now) for currency in currencies) if each),
        usable=tuple(draw_order(grant for grant in grants if grant.is_usable(now))),
        past=tuple(grant for grant in grants if not grant.is_usable(now)),
        automatic=await store_top_ups.automatic(tx, customer_id, customer.currency),
        top_ups=tuple(await store_top_ups.top_ups(tx, customer_id)),
    )


async def top_up_state(tx: Tx, *, customer_id: UUID, checkout: str) -> CheckoutState | None:
    """Where the top-up stands that a payer has just come back from; None for any other text."""
    try:
        checkout_id = parse_public_id("chk", checkout)
    except MalformedId:
        return None
    found = await payments.checkout_with_payment(tx, checkout_id, customer_id=customer_id)
    if found is None or top_up_of(found[1].reference) is None:
        return None
    payment = found[1]
    if payment.status == payments.PaymentStatus.FAILED:
        return CheckoutState("failed", checkout, payment.failure_reason or "The payment did not go through.")
    if await bought_credits(tx, payment.id) is not None:
        return CheckoutState("done", checkout)
    if await unapplied_payment(tx, payment.id) is not None:
        return CheckoutState("unapplied", checkout)
    return CheckoutState("waiting", checkout)
