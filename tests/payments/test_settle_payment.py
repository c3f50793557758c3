"""Settling on the real database: every order of reports, against the state table as the model."""

from __future__ import annotations

from itertools import pairwise, permutations

from autorisen.kit.unit import Runtime
from autorisen.payments import store
from autorisen.payments.model import NEXT, Mode, PaymentKind, PaymentStatus, Terms, Truth, steps
from autorisen.payments.settle_payment import settle_payment
from tests.factories.payments import PRICE, a_customer, count, facts

_REPORTS = (
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.FAILED,
    PaymentStatus.SUCCEEDED,
    PaymentStatus.DISPUTED,
    PaymentStatus.REFUNDED,
)


async def test_every_order_of_reports_ends_the_same_and_pays_once(runtime: Runtime) -> None:
    """Goal: order does not matter. Method: all 120 orders of five reports, each said twice, beside the pure model."""
    customer_id = await a_customer(runtime)
    orders = list(permutations(_REPORTS))
    async with runtime.unit() as unit:
        for number, order in enumerate(orders):
            payment = await store.insert_payment(
                unit.tx,
                payment_id=unit.ids.new(),
                customer_id=customer_id,
                kind=PaymentKind.CHECKOUT,
                gateway="sandbox",
                mode=Mode.TEST,
                reference=f"order:{number}",
                amount=PRICE,
                description="",
                method_id=None,
                at=unit.now,
            )
            walked = [payment.status]
            for report in order:
                terms = Terms(payment.reference, PRICE.minor, PRICE.currency)
                truth = Truth(f"sch_{number}", report, Mode.TEST, payment.id, terms, failure_code="card_declined")
                walked += steps(walked[-1], report)
                for _ in range(2):
                    payment = await settle_payment(unit, payment, truth, cause="test")
                assert payment.status is walked[-1]
                assert await store.payment(unit.tx, payment.id) == payment
            assert payment.status is PaymentStatus.REFUNDED
            written = [step.to_status for step in await store.history(unit.tx, payment.id)]
            assert written == walked[1:]
            assert all(after in NEXT[before] for before, after in pairwise(walked))
    assert len(await facts(runtime, "PaymentSucceeded")) == len(orders)
    assert len(await facts(runtime, "PaymentRefunded")) == len(orders)
    assert await count(runtime, "payments.payments WHERE status = 'refunded'") == len(orders)
