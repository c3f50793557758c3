"""Charging a saved card: one charge for one payment, whatever crashes, and a decline is an answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg import Rollback

from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Job, Lease, Registry, Worker, enqueue
from autorisen.payments import (
    AlreadyPaid,
    NoSavedMethod,
    Payment,
    PaymentInProgress,
    charge_saved_method,
    default_method,
    payment_methods,
)
from autorisen.payments.charge_saved_method import CHARGE_KIND, perform_charge
from autorisen.payments.gateway import ChargeOrder
from autorisen.payments.sandbox.gateway import SandboxGateway
from tests.factories.payments import (
    DISPUTED,
    FAILS_LATER,
    NEEDS_STEP,
    PRICE,
    a_checkout,
    a_customer,
    a_saved_card,
    count,
    facts,
    pay,
    registry,
    the_payment,
)


async def charge(runtime: Runtime, customer_id: UUID, amount: Money = PRICE) -> Payment:
    async with runtime.unit() as unit:
        return await charge_saved_method(
            unit, customer_id=customer_id, reference="order:1", amount=amount, description="April 2026"
        )


def with_charge_job(run: Any) -> Registry:
    """The real registry, but for how the charge job runs."""
    real = registry()
    jobs = tuple(Job(job.kind, run, mode="leased") if job.kind == CHARGE_KIND else job for job in real.jobs)
    return Registry(jobs, real.facts, real.schedule)


async def charges(runtime: Runtime) -> int:
    return await count(runtime, "sandbox.charges WHERE checkout_id IS NULL")


async def due_now(runtime: Runtime) -> None:
    """Have every waiting job due, and every lease over."""
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE kit.jobs SET due_at = %s, lease_until = NULL", (unit.now,))


@pytest.fixture
async def customer_id(runtime: Runtime, client: httpx.AsyncClient, worker: Worker) -> UUID:
    return await a_saved_card(runtime, client, worker)


async def test_a_saved_card_is_charged_and_the_webhook_adds_nothing(
    runtime: Runtime, worker: Worker, customer_id: UUID
) -> None:
    payment = await charge(runtime, customer_id)
    assert (payment.status, payment.attempt, payment.kind, payment.mode) == ("pending", 1, "saved_method", "test")
    await worker.drain()
    settled = await the_payment(runtime)
    assert (settled.status, settled.succeeded_at) == ("succeeded", runtime.clock.now())
    assert settled.provider_id is not None
    paid = [fact for fact in await facts(runtime, "PaymentSucceeded") if fact["reference"] == "order:1"]
    assert [(fact["amount_minor"], fact["currency"]) for fact in paid] == [(52_900, "ZAR")]
    assert await count(runtime, "sandbox.events WHERE delivered_at IS NULL") == 0


async def test_a_rolled_back_cause_charges_nothing(runtime: Runtime, worker: Worker, customer_id: UUID) -> None:
    with suppress(Rollback):
        async with runtime.unit() as unit:
            await charge_saved_method(
                unit, customer_id=customer_id, reference="order:1", amount=PRICE, description="April 2026"
            )
            raise Rollback
    await worker.drain()
    assert await charges(runtime) == 0
    assert await count(runtime, "payments.payments WHERE reference = 'order:1'") == 0


async def test_asking_again_while_it_is_under_way_gives_the_same_payment(
    runtime: Runtime, worker: Worker, customer_id: UUID
) -> None:
    first = await charge(runtime, customer_id)
    assert (await charge(runtime, customer_id)).id == first.id
    with pytest.raises(PaymentInProgress):
        await charge(runtime, customer_id, Money(1, "ZAR"))
    with pytest.raises(PaymentInProgress):
        await a_checkout(runtime, customer_id)
    await worker.drain()
    assert await charges(runtime) == 1
    with pytest.raises(AlreadyPaid):
        await charge(runtime, customer_id)
    with pytest.raises(AlreadyPaid):
        await a_checkout(runtime, customer_id)


async def test_without_a_card_nothing_is_started(runtime: Runtime) -> None:
    with pytest.raises(NoSavedMethod):
        await charge(runtime, await a_customer(runtime))
    assert await count(runtime, "payments.payments") == 0


async def test_a_crash_between_the_charge_and_our_commit_charges_once(
    runtime: Runtime, worker: Worker, customer_id: UUID
) -> None:
    """The gateway has taken the money, and we die before we know: the second run gets the first run's answer."""

    async def dies(lease: Lease, payload: dict[str, Any]) -> None:
        payment = await the_payment(lease.runtime)
        async with lease.runtime.database.read() as tx:
            method = await default_method(tx, payment.customer_id)
        assert method is not None
        order = ChargeOrder(
            payment_id=payment.id,
            customer_id=payment.customer_id,
            reference=payment.reference,
            amount=payment.amount,
            description=payment.description,
            token=method.card.token,
        )
        truth = await SandboxGateway(lease.runtime).charge(order)
        assert truth.status == "succeeded"
        async with lease.runtime.unit() as unit:
            # No webhook may help out: only asking again can tell us.
            await unit.tx.execute("DELETE FROM sandbox.events")
            await unit.tx.execute("DELETE FROM kit.jobs WHERE kind = 'sandbox.deliver_event'")
        raise SystemError("the power went")

    await charge(runtime, customer_id)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE kit.jobs SET due_at = due_at - interval '1 hour' WHERE kind = %s", (CHARGE_KIND,))
    await Worker(runtime, with_charge_job(dies)).drain()
    assert (await charges(runtime), (await the_payment(runtime)).status) == (1, "pending")
    await due_now(runtime)
    await worker.drain()
    assert await charges(runtime) == 1
    assert (await the_payment(runtime)).status == "succeeded"
    assert len([f for f in await facts(runtime, "PaymentSucceeded") if f["reference"] == "order:1"]) == 1


async def test_a_job_that_runs_twice_charges_once(runtime: Runtime, worker: Worker, customer_id: UUID) -> None:
    payment = await charge(runtime, customer_id)
    async with runtime.unit() as unit:
        for _ in range(3):
            await enqueue(unit, CHARGE_KIND, {"payment_id": payment.id})
    await worker.drain()
    assert await charges(runtime) == 1
    assert len([f for f in await facts(runtime, "PaymentSucceeded") if f["reference"] == "order:1"]) == 1


async def test_a_worker_that_lost_its_lease_commits_nothing(
    runtime: Runtime, worker: Worker, customer_id: UUID
) -> None:
    """A stopped worker wakes up after another one has done its job: the fencing token keeps it out."""

    async def sleeps(lease: Lease, payload: dict[str, Any]) -> None:
        await due_now(lease.runtime)
        await worker.drain()
        assert (await the_payment(lease.runtime)).status == "succeeded"
        await perform_charge(lease, payload)
        raise AssertionError("it must not get here")

    await charge(runtime, customer_id)
    await Worker(runtime, with_charge_job(sleeps)).drain()
    assert await charges(runtime) == 1
    assert await count(runtime, "payments.history WHERE cause LIKE 'charge%'") == 1


async def test_a_decline_is_an_answer_with_a_reason(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    customer_id = await a_saved_card(runtime, client, worker, number=FAILS_LATER)
    await charge(runtime, customer_id)
    await worker.drain()
    failed = await the_payment(runtime)
    assert (failed.status, failed.failure_code) == ("failed", "card_declined")
    assert failed.failure_reason == "The bank declined the card."
    (fact,) = await facts(runtime, "PaymentFailed")
    assert (fact["code"], fact["reason"]) == ("card_declined", "The bank declined the card.")
    again = await charge(runtime, customer_id)
    assert (again.attempt, again.status) == (2, "pending")


async def test_the_payer_can_answer_a_decline_with_another_card(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    customer_id = await a_saved_card(runtime, client, worker, number=FAILS_LATER)
    await charge(runtime, customer_id)
    await worker.drain()
    checkout = await a_checkout(runtime, customer_id)
    await pay(client, checkout)
    await worker.drain()
    assert ((await the_payment(runtime)).attempt, (await the_payment(runtime)).status) == (2, "succeeded")
    async with runtime.database.read() as tx:
        methods = await payment_methods(tx, customer_id)
    assert [(method.card.last4, method.is_default) for method in methods] == [("4242", True), ("0341", False)]


@pytest.mark.parametrize("number", [NEEDS_STEP, DISPUTED])
async def test_other_cards_are_charged_later_as_well(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, number: str
) -> None:
    customer_id = await a_customer(runtime)
    checkout = await a_checkout(runtime, customer_id, "order:first")
    answer = await pay(client, checkout, number)
    if number == NEEDS_STEP:
        await client.post(answer.headers["location"], data={"answer": "approve"})
    await worker.drain()
    await charge(runtime, customer_id)
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"


async def test_a_card_that_the_gateway_forgot_is_a_failure(runtime: Runtime, worker: Worker, customer_id: UUID) -> None:
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.payment_methods SET token = 'stok_gone'")
    await charge(runtime, customer_id)
    await worker.drain()
    failed = await the_payment(runtime)
    assert (failed.status, failed.failure_code, failed.provider_id) == ("failed", "card_removed", None)
    (fact,) = await facts(runtime, "PaymentFailed")
    assert fact["reason"] == "The payment did not go through."


async def test_a_charge_without_its_payment_ends(runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, CHARGE_KIND, {"payment_id": UUID(int=5)})
    await worker.drain()
    assert await count(runtime, "kit.jobs") == 0
