"""Settling on the real database: every order of reports, against the state table as the model."""

from __future__ import annotations

from itertools import pairwise, permutations
from uuid import UUID

from autorisen import ledger
from autorisen.kit.unit import Runtime, Unit
from autorisen.payments import store
from autorisen.payments.model import NEXT, Mode, Payment, PaymentKind, PaymentStatus, Terms, Truth, steps
from autorisen.payments.settle_payment import settle_payment
from tests.factories.payments import PRICE, a_customer, count, facts

_REPORTS = (
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.FAILED,
    PaymentStatus.SUCCEEDED,
    PaymentStatus.DISPUTED,
    PaymentStatus.REFUNDED,
)


async def _pending(unit: Unit, customer_id: UUID, reference: str) -> Payment:
    return await store.insert_payment(
        unit.tx,
        payment_id=unit.ids.new(),
        customer_id=customer_id,
        kind=PaymentKind.CHECKOUT,
        gateway="sandbox",
        mode=Mode.TEST,
        reference=reference,
        amount=PRICE,
        description="",
        method_id=None,
        at=unit.now,
    )


async def test_every_order_of_reports_ends_the_same_and_pays_once(runtime: Runtime) -> None:
    """Goal: order does not matter. Method: all 120 orders of five reports, each said twice, beside the pure model."""
    customer_id = await a_customer(runtime)
    orders = list(permutations(_REPORTS))
    async with runtime.unit() as unit:
        for number, order in enumerate(orders):
            payment = await _pending(unit, customer_id, f"order:{number}")
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


async def test_disputes_that_were_won_are_told_in_their_order(runtime: Runtime) -> None:
    """Goal: whatever was missed, each dispute and its end is a fact, once, with what was left then."""
    customer_id = await a_customer(runtime)
    told = (
        (PaymentStatus.DISPUTED, 0, 100),
        (PaymentStatus.SUCCEEDED, 2, 300),
        (PaymentStatus.DISPUTED, 1, 300),
        (PaymentStatus.REFUNDED, 3, PRICE.minor),
    )
    async with runtime.unit() as unit:
        payment = await _pending(unit, customer_id, "order:1")
        paid_at = unit.now
        terms = Terms(payment.reference, PRICE.minor, PRICE.currency)
        for status, won, refunded in told:
            truth = Truth("sch_1", status, Mode.TEST, payment.id, terms, refunded_minor=refunded, disputes_won=won)
            payment = await settle_payment(unit, payment, truth, cause="test")
            assert await store.payment(unit.tx, payment.id) == payment
    assert (payment.status, payment.disputes_won, payment.succeeded_at) == (PaymentStatus.REFUNDED, 3, paid_at)
    assert len(await facts(runtime, "PaymentSucceeded")) == 1
    disputes = [(each["ordinal"], each["amount_minor"]) for each in await facts(runtime, "PaymentDisputed")]
    assert disputes == [(1, PRICE.minor), (2, PRICE.minor - 100), (3, PRICE.minor - 300)]
    won_facts = [(each["ordinal"], each["amount_minor"]) for each in await facts(runtime, "PaymentDisputeWon")]
    assert won_facts == [(1, PRICE.minor - 100), (2, PRICE.minor - 100), (3, PRICE.minor - 300)]
    left = [(each["amount_minor"], each["was_disputed"]) for each in await facts(runtime, "PaymentRefunded")]
    assert left == [(100, True), (200, False), (PRICE.minor - 300, False)]


async def test_a_fee_is_booked_as_far_as_it_is_news(runtime: Runtime) -> None:
    """Goal: each cent that a gateway keeps is booked once, and stays booked when the money goes back."""
    customer_id = await a_customer(runtime)
    told = (
        (PaymentStatus.REQUIRES_ACTION, 50, 0),
        (PaymentStatus.SUCCEEDED, 0, 0),
        (PaymentStatus.SUCCEEDED, 200, 200),
        (PaymentStatus.SUCCEEDED, 200, 200),
        (PaymentStatus.DISPUTED, 1_700, 1_700),
        (PaymentStatus.REFUNDED, 0, 1_700),
    )
    async with runtime.unit() as unit:
        payment = await _pending(unit, customer_id, "order:1")
        terms = Terms(payment.reference, PRICE.minor, PRICE.currency)
        for status, fee, kept in told:
            truth = Truth("sch_1", status, Mode.TEST, payment.id, terms, fee_minor=fee)
            payment = await settle_payment(unit, payment, truth, cause="test")
            assert payment.fee.minor == kept, status
            assert await store.payment(unit.tx, payment.id) == payment
            books = {row.account: row.balance.minor for row in (await ledger.trial_balance(unit.tx)).accounts}
            assert books.get("expense:gateway_fees", 0) == kept
            assert books.get("clearing:sandbox", 0) == -kept
