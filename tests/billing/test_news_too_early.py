"""A refund or a dispute is heard before the success of its payment: it waits, and takes back what was given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from autorisen import billing, payments
from autorisen.billing.wallet import NewsTooEarly, grants_of
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.payments import store
from autorisen.payments.model import Mode, PaymentStatus, Terms, Truth
from autorisen.payments.settle_payment import settle_payment
from tests.factories.billing import Shop
from tests.factories.disputes import findings

Hear = Callable[[Unit, Any], Awaitable[None]]


@pytest.mark.parametrize("status", [PaymentStatus.DISPUTED, PaymentStatus.REFUNDED])
async def test_a_top_up_that_went_back_at_once_gives_nothing(shop: Shop, status: PaymentStatus) -> None:
    customer = await shop.customer()
    checkout = await start_top_up(shop.runtime, customer_id=customer.id, amount=Money(50_000, "ZAR"))
    async with shop.runtime.unit() as unit:
        payment = await store.payment(unit.tx, checkout.payment_id, lock=True)
        assert payment is not None
        terms = Terms(payment.reference, 50_000, "ZAR")
        truth = Truth("sch_late", status, Mode.TEST, payment.id, terms)
        await settle_payment(unit, payment, truth, cause="tests")
    told = (payment.id, customer.id, payment.reference, 50_000, "ZAR", "sandbox")
    early: list[tuple[Hear, payments.PaymentDisputed | payments.PaymentRefunded | payments.PaymentDisputeWon]] = [
        (billing.on_payment_disputed, payments.PaymentDisputed(*told)),
        (billing.on_top_up_disputed, payments.PaymentDisputed(*told)),
        (billing.on_dispute_won, payments.PaymentDisputeWon(*told, ordinal=1)),
        (billing.on_payment_refunded, payments.PaymentRefunded(*told, 50_000, was_disputed=False)),
        (billing.on_top_up_refunded, payments.PaymentRefunded(*told, 50_000, was_disputed=False)),
    ]
    for hear, fact in early:
        async with shop.runtime.unit() as unit:
            with pytest.raises(NewsTooEarly):
                await hear(unit, fact)
    await shop.worker.drain()
    async with shop.runtime.database.read() as tx:
        (grant,) = await grants_of(tx, customer.id)
    assert grant.remaining.minor == 0
    assert await shop.at_gateway() == 0
    assert await findings(shop) == []
