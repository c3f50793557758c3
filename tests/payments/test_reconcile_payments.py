"""What no webhook told us is pulled: by the gateway's own list, and by asking about payments that stand still."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from autorisen.kit.clock import SandboxClock
from autorisen.kit.ids import Ids
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker, enqueue
from autorisen.payments import DeliveryStatus, charge_saved_method, list_deliveries, replay_delivery
from autorisen.payments.inbox.receive_webhook import take_in
from autorisen.payments.reconcile_payments import REFRESH_KIND
from autorisen.payments.sandbox.gateway import SandboxGateway
from tests.factories.payments import (
    PRICE,
    OpenCheckout,
    a_checkout,
    a_customer,
    a_saved_card,
    count,
    facts,
    pay,
    registry,
    the_payment,
)


@pytest.fixture
async def checkout(runtime: Runtime) -> OpenCheckout:
    return await a_checkout(runtime, await a_customer(runtime))


async def lose_all_jobs(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await unit.tx.execute("DELETE FROM kit.jobs")


def later(runtime: Runtime, by: timedelta) -> None:
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_offset(runtime.clock.offset + by)


async def test_a_lost_webhook_is_pulled(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    await lose_all_jobs(runtime)
    later(runtime, timedelta(minutes=15))
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    async with runtime.database.read() as tx:
        (delivery,) = await list_deliveries(tx)
    assert (delivery.pulled, delivery.status) == (True, "applied")
    later(runtime, timedelta(minutes=15))
    await worker.drain()
    assert await count(runtime, "payments.deliveries") == 1


async def test_what_is_known_is_pulled_without_a_trace(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """Goal: the same seed gives the same ids whenever an event is listed, which hangs on all that the server runs."""
    drawn: list[int] = []

    def draw(nbytes: int) -> bytes:
        drawn.append(nbytes)
        return bytes(nbytes)

    await pay(client, checkout)
    await worker.drain()
    counting = Worker(replace(runtime, ids=Ids(runtime.clock, draw)), registry())
    await counting.drain()
    draws = []
    for listed_again in (False, True):
        if listed_again:
            async with runtime.unit() as unit:
                await unit.tx.execute("DELETE FROM payments.gateway_cursors")
        drawn.clear()
        later(runtime, timedelta(minutes=15))
        await counting.drain()
        draws.append(len(drawn))
    assert draws[0] == draws[1] > 0
    assert await count(runtime, "payments.deliveries") == 1


async def test_an_event_whose_webhook_overtakes_its_pull_is_taken_in_once(runtime: Runtime) -> None:
    """The pull looks first; a webhook that comes between the look and the row has the row, and is no duplicate."""
    taken = []
    for pulled in (False, True):
        async with runtime.unit() as unit:
            taken.append(await take_in(unit, gateway="sandbox", event_id="sev_1", type="x", body=b"{}", pulled=pulled))
    assert taken == [True, False]
    assert await count(runtime, "payments.deliveries WHERE duplicates = 0") == 1


async def test_a_stuck_payment_is_asked_about(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    """Even the gateway's list has lost the event: the payment itself is fetched."""
    await pay(client, checkout)
    await lose_all_jobs(runtime)
    async with runtime.unit() as unit:
        await unit.tx.execute("DELETE FROM sandbox.events")
    later(runtime, timedelta(minutes=15))
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert len(await facts(runtime, "PaymentSucceeded")) == 1
    assert await count(runtime, "payments.history WHERE cause LIKE 'refresh%'") == 1


async def test_an_answer_that_contradicts_is_parked_once_and_can_be_asked_for_again(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    await lose_all_jobs(runtime)
    async with runtime.unit() as unit:
        await unit.tx.execute("DELETE FROM sandbox.events")
        await unit.tx.execute("UPDATE sandbox.charges SET amount_minor = 1")
    for _ in range(3):
        later(runtime, timedelta(minutes=15))
        await worker.drain()
    assert await count(runtime, "kit.jobs") == 0, "neither dead nor to be tried again"
    assert (await the_payment(runtime)).status == "pending"
    (parked,) = await facts(runtime, "DeliveryParked")
    assert parked["reason"] == "wrong_amount"
    async with runtime.database.read() as tx:
        (answer,) = await list_deliveries(tx, status=DeliveryStatus.PARKED)
    assert answer.payment_id == (await the_payment(runtime)).id
    assert json.loads(answer.body)["amount_minor"] == 1
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE sandbox.charges SET amount_minor = %s", (PRICE.minor,))
        await replay_delivery(unit, answer.id)
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    async with runtime.database.read() as tx:
        assert [each.status for each in await list_deliveries(tx)] == ["applied"]


async def test_a_parked_answer_stays_parked_when_the_gateway_forgets_the_payment(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    """A charge with nobody present whose answer does not fit: it is asked for again without a dead job."""
    customer_id = await a_saved_card(runtime, client, worker)
    async with runtime.unit() as unit:
        await charge_saved_method(unit, customer_id=customer_id, reference="order:1", amount=PRICE, description="April")
        await unit.tx.execute(
            "INSERT INTO sandbox.charges SELECT 'sch_odd', p.id::text, NULL, p.id::text, p.reference, m.token,"
            " 1, p.currency, 'succeeded', NULL, p.created_at FROM payments.payments p"
            " JOIN payments.payment_methods m ON m.id = p.method_id WHERE p.reference = 'order:1'"
        )
    await worker.drain()
    assert await count(runtime, "kit.jobs") == 0
    async with runtime.unit() as unit:
        (answer,) = await list_deliveries(unit.tx, status=DeliveryStatus.PARKED)
        await unit.tx.execute("DELETE FROM sandbox.charges WHERE id = 'sch_odd'")
        await replay_delivery(unit, answer.id)
    await worker.drain()
    assert [fact["reason"] for fact in await facts(runtime, "DeliveryParked")] == ["wrong_amount", "unknown_at_gateway"]
    assert (await the_payment(runtime)).status == "pending"


async def test_a_payment_under_way_is_left_alone(runtime: Runtime, worker: Worker, checkout: OpenCheckout) -> None:
    later(runtime, timedelta(minutes=15))
    await worker.drain()
    assert (await the_payment(runtime)).status == "pending"
    later(runtime, timedelta(hours=24))
    await worker.drain()
    expired = await the_payment(runtime)
    assert (expired.status, expired.failure_code) == ("failed", "checkout_expired")
    assert expired.failure_reason == "The payment page was not used in time."


async def test_a_charge_whose_job_was_lost_is_asked_for_again(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    customer_id = await a_saved_card(runtime, client, worker)
    async with runtime.unit() as unit:
        await charge_saved_method(unit, customer_id=customer_id, reference="order:1", amount=PRICE, description="April")
    await lose_all_jobs(runtime)
    later(runtime, timedelta(minutes=15))
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert await count(runtime, "sandbox.charges WHERE checkout_id IS NULL") == 1


async def test_a_charge_whose_answer_was_lost_is_found(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker
) -> None:
    """The gateway charged, we never heard its name for it, and no event is left: our id finds it."""
    customer_id = await a_saved_card(runtime, client, worker)
    async with runtime.unit() as unit:
        await charge_saved_method(unit, customer_id=customer_id, reference="order:1", amount=PRICE, description="April")
        await unit.tx.execute("DELETE FROM kit.jobs")
        await unit.tx.execute(
            "INSERT INTO sandbox.charges SELECT 'sch_lost', p.id::text, NULL, p.id::text, p.reference, m.token,"
            " p.amount_minor, p.currency, 'succeeded', NULL, p.created_at FROM payments.payments p"
            " JOIN payments.payment_methods m ON m.id = p.method_id"
        )
    later(runtime, timedelta(minutes=15))
    await worker.drain()
    settled = await the_payment(runtime)
    assert (settled.status, settled.provider_id) == ("succeeded", "sch_lost")


async def test_a_checkout_that_never_reached_the_gateway_ends_after_its_time(
    runtime: Runtime, worker: Worker, checkout: OpenCheckout
) -> None:
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE payments.checkouts SET provider_id = NULL, url = ''")
        await unit.tx.execute("DELETE FROM sandbox.checkouts")
    later(runtime, timedelta(hours=24))
    await worker.drain()
    assert (await the_payment(runtime)).status == "pending", "it could still arrive"
    later(runtime, timedelta(hours=1))
    await worker.drain()
    assert (await the_payment(runtime)).failure_code == "checkout_expired"


async def test_payments_of_a_gateway_that_is_switched_off_are_left_alone(
    runtime: Runtime, checkout: OpenCheckout
) -> None:
    """Else each run would leave a dead job for something that nobody can answer."""
    settings = replace(runtime.settings, environment="production", smtp_url="smtp://localhost")
    later(runtime, timedelta(minutes=15))
    await lose_all_jobs(runtime)
    await Worker(replace(runtime, settings=settings), registry()).drain()
    assert await count(runtime, "kit.jobs") == 0
    assert (await the_payment(runtime)).status == "pending"


async def test_refreshing_what_is_settled_or_gone_changes_nothing(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout)
    await worker.drain()
    before = await the_payment(runtime)
    async with runtime.unit() as unit:
        await enqueue(unit, REFRESH_KIND, {"payment_id": before.id})
        await enqueue(unit, REFRESH_KIND, {"payment_id": UUID(int=5)})
    await worker.drain()
    assert await the_payment(runtime) == before
    assert await count(runtime, "kit.jobs") == 0


async def test_the_list_is_read_page_by_page_and_misses_no_late_commit(runtime: Runtime) -> None:
    """An event whose transaction began first and commits last must not be skipped by the cursor."""
    insert = "INSERT INTO sandbox.events (id, type, body, created_at) VALUES (%s, 'payment.failed', '{}', now())"
    gateway = SandboxGateway(runtime)
    async with runtime.unit() as slow:
        await slow.tx.execute(insert, ("sev_slow",))
        async with runtime.unit() as quick:
            for number in range(150):
                await quick.tx.execute(insert, (f"sev_{number:03}",))
        feed = await gateway.list_since(None)
        assert (feed.events, feed.cursor, feed.more) == ((), None, False), "nothing after the slow one may be listed"
    first = await gateway.list_since(None)
    assert (len(first.events), first.more, first.events[0].event_id) == (100, True, "sev_slow")
    rest = await gateway.list_since(first.cursor)
    assert (len(rest.events), rest.more) == (51, False)
    end = await gateway.list_since(rest.cursor)
    assert (end.events, end.cursor) == ((), rest.cursor)


async def test_a_long_list_is_pulled_in_one_run(runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        await unit.tx.execute(
            "INSERT INTO sandbox.events (id, type, body, created_at)"
            " SELECT 'sev_' || n, 'checkout.attempt_failed', %s, now() FROM generate_series(1, 230) n",
            (b'{"type":"checkout.attempt_failed","mode":"test"}',),
        )
    await worker.drain()
    assert await count(runtime, "payments.deliveries WHERE pulled AND status = 'ignored'") == 230
