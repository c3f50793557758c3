"""What a stored delivery does: its effect once, in any order, after any crash; or it is parked with a reason."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker, enqueue
from autorisen.kit.work.perform import perform_next
from autorisen.payments import DeliveryStatus, delivery_counts, list_deliveries, replay_delivery
from autorisen.payments.errors import NotReplayable, UnknownDelivery
from autorisen.payments.inbox.apply_delivery import payment_of
from autorisen.payments.inbox.receive_webhook import APPLY_KIND
from autorisen.payments.model import Mode, Terms, Truth
from tests.factories.payments import (
    DISPUTED,
    WEBHOOK,
    OpenCheckout,
    a_checkout,
    a_customer,
    count,
    event_body,
    facts,
    pay,
    registry,
    signed,
    the_payment,
)


async def deliver(
    runtime: Runtime, client: httpx.AsyncClient, body: dict[str, Any] | bytes, event_id: str = "sev_1"
) -> None:
    headers, raw = signed(runtime, body, event_id=event_id)
    assert (await client.post(WEBHOOK, headers=headers, content=raw)).status_code == 200


async def silence(runtime: Runtime) -> None:
    """Have the sandbox say nothing by itself, so that only the test's own deliveries arrive."""
    async with runtime.unit() as unit:
        await unit.tx.execute("DELETE FROM sandbox.events")
        await unit.tx.execute("DELETE FROM kit.jobs")


async def parked(runtime: Runtime) -> str:
    """The reason of the one parked delivery."""
    async with runtime.database.read() as tx:
        (delivery,) = await list_deliveries(tx, status=DeliveryStatus.PARKED)
    (fact,) = await facts(runtime, "DeliveryParked")
    assert delivery.park_reason is not None
    assert fact["reason"] == delivery.park_reason.value
    assert UUID(fact["delivery_id"]) == delivery.id
    return delivery.park_reason.value


@pytest.fixture
async def checkout(runtime: Runtime) -> OpenCheckout:
    return await a_checkout(runtime, await a_customer(runtime))


MISFITS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"amount_minor": 1}, "wrong_amount"),
    ({"amount_minor": 52_901}, "wrong_amount"),
    ({"currency": "USD"}, "wrong_currency"),
    ({"currency": "XYZ"}, "wrong_currency"),
    ({"reference": "order:2"}, "wrong_reference"),
    ({"payment": "sco_unknown"}, "unknown_at_gateway"),
    ({"mode": "live"}, "wrong_mode"),
    ({"type": "payment.transmogrified"}, "unknown_type"),
    ({"mode": "other"}, "unreadable"),
    ({"data": "none"}, "unreadable"),
    ({"type": None}, "unreadable"),
    ({"payment": None}, "unreadable"),
    ({"payment": 7}, "unreadable"),
    ({"amount_minor": "52900"}, "unreadable"),
    ({"amount_minor": True}, "unreadable"),
    ({"merchant_payment_id": "?"}, "unreadable"),
    ({"merchant_payment_id": 7}, "unreadable"),
)
POISON = (b"", b"not json", b"[1]", b"\xff", b"[" * 5_000)


async def test_what_does_not_fit_is_parked_with_its_reason(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """Signed, stored, and still without effect: the payment stays as it is, and a person is told why."""
    await pay(client, checkout)
    before = await the_payment(runtime)
    await silence(runtime)
    for number, (changes, _) in enumerate(MISFITS):
        await deliver(runtime, client, event_body(checkout, before, **changes), f"sev_{number}")
    await worker.drain()
    async with runtime.database.read() as tx:
        found = {each.event_id: each.park_reason for each in await list_deliveries(tx)}
    assert found == {f"sev_{number}": reason for number, (_, reason) in enumerate(MISFITS)}
    assert [fact["reason"] for fact in await facts(runtime, "DeliveryParked")] == [reason for _, reason in MISFITS]
    assert await the_payment(runtime) == before
    assert await facts(runtime, "PaymentSucceeded") == []


async def test_a_poison_body_is_parked_and_holds_nothing_up(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    for number, body in enumerate(POISON):
        await deliver(runtime, client, body, f"sev_{number}")
    await pay(client, checkout)
    await worker.drain()
    assert [fact["reason"] for fact in await facts(runtime, "DeliveryParked")] == ["unreadable"] * len(POISON)
    assert (await the_payment(runtime)).status == "succeeded"


async def test_news_of_no_interest_is_ignored(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await deliver(runtime, client, {"type": "checkout.attempt_failed", "mode": "test"})
    await worker.drain()
    async with runtime.database.read() as tx:
        assert (await delivery_counts(tx))[DeliveryStatus.IGNORED] == 1


async def test_a_payment_of_somebody_else_at_the_gateway_is_parked(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """The gateway's account is shared with another system: its payments are real and not ours."""
    async with runtime.unit() as unit:
        await unit.tx.execute(
            "INSERT INTO sandbox.checkouts SELECT 'sco_theirs', %s, customer, 'theirs', amount_minor, currency,"
            " description, return_url, created_at, expires_at FROM sandbox.checkouts",
            (str(UUID(int=99)),),
        )
    payment = await the_payment(runtime)
    body = event_body(replace(checkout, provider_id="sco_theirs"), payment, reference="theirs")
    await deliver(runtime, client, body)
    await worker.drain()
    assert await parked(runtime) == "unknown_payment"


async def test_the_gateways_present_word_counts_not_the_delivery(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """A signed delivery says paid while the gateway itself says open: nothing is paid."""
    await deliver(runtime, client, event_body(checkout, await the_payment(runtime)))
    await worker.drain()
    assert (await the_payment(runtime)).status == "pending"
    assert await facts(runtime, "PaymentSucceeded") == []


async def test_the_gateway_took_another_amount(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE sandbox.charges SET amount_minor = 1")
    await silence(runtime)
    await deliver(runtime, client, event_body(checkout, await the_payment(runtime)))
    await worker.drain()
    assert await parked(runtime) == "wrong_amount"


async def test_a_second_charge_under_another_name_is_parked(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """Two names of the gateway for one payment may be money taken twice."""
    await pay(client, checkout)
    await worker.drain()
    payment = await the_payment(runtime)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.payments SET provider_id = 'sco_another'")
    await deliver(runtime, client, event_body(checkout, payment), event_id="sev_second")
    await worker.drain()
    assert await parked(runtime) == "other_provider_id"


async def test_one_charge_under_two_payments_is_parked(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    other = await a_checkout(runtime, checkout.customer_id, "order:2")
    async with runtime.unit() as unit:
        await unit.tx.execute(
            "UPDATE payments.payments SET provider_id = %s WHERE reference = 'order:2'", (checkout.provider_id,)
        )
    await pay(client, checkout)
    await worker.drain()
    assert await parked(runtime) == "other_provider_id"
    assert (await the_payment(runtime, other.reference)).status == "pending"


async def test_a_truth_without_our_id_is_found_by_the_gateways(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """Some gateways do not keep our id: the payment is found by theirs, at that gateway only."""
    await pay(client, checkout)
    await worker.drain()
    payment = await the_payment(runtime)
    truth = Truth(checkout.provider_id, payment.status, Mode.TEST, None, Terms("order:1", 52_900, "ZAR"))
    async with runtime.unit() as unit:
        (delivery,) = await list_deliveries(unit.tx, payment_id=payment.id)
        assert await payment_of(unit, delivery, truth) == payment
        assert await payment_of(unit, delivery, replace(truth, provider_id="sco_none")) is None
        assert await payment_of(unit, delivery, replace(truth, provider_id=None)) is None
        elsewhere = replace(delivery, gateway="another")
        assert await payment_of(unit, elsewhere, replace(truth, payment_id=payment.id)) is None


async def test_a_truth_without_a_card_settles_and_saves_none(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    async with runtime.unit() as unit:
        await unit.tx.execute("ALTER TABLE sandbox.charges DROP CONSTRAINT charges_token_fkey")
        await unit.tx.execute("DELETE FROM sandbox.methods")
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert await count(runtime, "payments.payment_methods") == 0


async def test_reordered_news_ends_where_the_gateway_stands(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """The dispute is heard before the payment: both facts are there, in their order, once."""
    await pay(client, checkout, DISPUTED)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE sandbox.charges SET status = 'disputed'")
    await silence(runtime)
    payment = await the_payment(runtime)
    await deliver(runtime, client, event_body(checkout, payment, type="payment.disputed"), "sev_2")
    await deliver(runtime, client, event_body(checkout, payment), "sev_1")
    await deliver(runtime, client, event_body(checkout, payment, type="payment.requires_action"), "sev_0")
    await worker.drain()
    assert (await the_payment(runtime)).status == "disputed"
    assert len(await facts(runtime, "PaymentSucceeded")) == 1
    assert len(await facts(runtime, "PaymentDisputed")) == 1
    async with runtime.database.read() as tx:
        assert (await delivery_counts(tx))[DeliveryStatus.APPLIED] == 3


async def test_a_kill_between_store_and_apply_loses_nothing(
    runtime: Runtime, client: httpx.AsyncClient, checkout: OpenCheckout
) -> None:
    """Goal: the process may die at any step. Method: stop after each performed job and go on with a new worker."""
    await pay(client, checkout)
    performed = 0
    while await perform_next(runtime, registry()):
        performed += 1
        reborn = Worker(runtime, registry())
        await reborn.tick()
    assert performed >= 3, "deliver, apply and the fact"
    assert (await the_payment(runtime)).status == "succeeded"
    assert len(await facts(runtime, "PaymentSucceeded")) == 1


async def test_a_crash_while_applying_is_repeated_from_the_start(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """The applying transaction is rolled back at its last statement; the next attempt does the whole of it."""
    await pay(client, checkout)
    async with runtime.unit() as unit:
        await unit.tx.execute(
            "CREATE FUNCTION payments.crash() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the power went'; END $$"
        )
        await unit.tx.execute(
            "CREATE TRIGGER crash BEFORE UPDATE OF status ON payments.deliveries"
            " FOR EACH ROW EXECUTE FUNCTION payments.crash()"
        )
    await worker.drain()
    assert (await the_payment(runtime)).status == "pending"
    assert await facts(runtime, "PaymentSucceeded") == []
    async with runtime.unit() as unit:
        await unit.tx.execute("DROP TRIGGER crash ON payments.deliveries")
        await unit.tx.execute("UPDATE kit.jobs SET due_at = %s", (unit.now,))
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert len(await facts(runtime, "PaymentSucceeded")) == 1


async def test_two_workers_apply_a_delivery_once(
    runtime: Runtime, client: httpx.AsyncClient, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    await silence(runtime)
    payment = await the_payment(runtime)
    for number in range(6):
        await deliver(runtime, client, event_body(checkout, payment), f"sev_{number}")
    await asyncio.gather(*[Worker(runtime, registry()).drain() for _ in range(3)])
    await Worker(runtime, registry()).drain()
    assert len(await facts(runtime, "PaymentSucceeded")) == 1
    assert await count(runtime, "payments.history") == 1
    async with runtime.database.read() as tx:
        assert (await delivery_counts(tx))[DeliveryStatus.APPLIED] == 6


async def test_a_burst_of_200_is_stored_and_applied_once_each(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    """200 signed deliveries for 20 payments, each event sent twice, shuffled: 100 distinct, 20 effects."""
    customer_id = await a_customer(runtime)
    sent = []
    for number in range(20):
        checkout = await a_checkout(runtime, customer_id, f"order:{number}")
        await pay(client, checkout)
        payment = await the_payment(runtime, checkout.reference)
        for event in range(5):
            made = signed(runtime, event_body(checkout, payment), event_id=f"sev_{number}_{event}")
            sent += [made, made]
    sent.sort(key=lambda each: each[0]["webhook-signature"])
    answers = []
    for start in range(0, len(sent), 20):
        batch = sent[start : start + 20]
        answers += await asyncio.gather(*[client.post(WEBHOOK, headers=h, content=b) for h, b in batch])
    assert [answer.status_code for answer in answers] == [200] * 200
    assert sum(answer.json()["status"] == "received" for answer in answers) == 100
    await worker.drain()
    assert len(await facts(runtime, "PaymentSucceeded")) == 20
    assert await count(runtime, "payments.deliveries WHERE status = 'applied'") == 120, "with the sandbox's own 20"
    assert await count(runtime, "kit.jobs WHERE state = 'dead'") == 0


async def test_a_parked_delivery_can_be_replayed_once_its_reason_is_gone(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE sandbox.charges SET currency = 'USD'")
    await worker.drain()
    assert await parked(runtime) == "wrong_currency"
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE sandbox.charges SET currency = 'ZAR'")
        (delivery,) = await list_deliveries(unit.tx, status=DeliveryStatus.PARKED)
        await replay_delivery(unit, delivery.id)
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    async with runtime.unit() as unit:
        (after,) = [each for each in await list_deliveries(unit.tx) if each.id == delivery.id]
        assert (after.status, after.replays, after.park_reason) == ("applied", 1, None)
        with pytest.raises(NotReplayable):
            await replay_delivery(unit, delivery.id)
        with pytest.raises(UnknownDelivery):
            await replay_delivery(unit, UUID(int=5))


async def test_a_delivery_that_is_gone_or_done_ends_its_job(runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, APPLY_KIND, {"delivery_id": UUID(int=5)})
    await worker.drain()
    assert await count(runtime, "kit.jobs") == 0


async def test_the_factorys_deliveries_have_the_sandboxs_own_form(
    runtime: Runtime, client: httpx.AsyncClient, checkout: OpenCheckout
) -> None:
    """Else the tests above would prove nothing."""
    await pay(client, checkout)
    async with runtime.database.read() as tx:
        row = await (await tx.execute("SELECT body FROM sandbox.events")).fetchone()
    assert row is not None
    real, made = json.loads(row[0]), event_body(checkout, await the_payment(runtime))
    assert made["data"] == real["data"]
    assert {name: real[name] for name in made if name not in ("id", "data")} == {"type": made["type"], "mode": "test"}
