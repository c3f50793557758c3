"""A payer on the hosted page, from the first click to the settled payment."""

from __future__ import annotations

import httpx

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.payments import a_checkout, a_customer, facts, pay, the_payment


async def test_a_paid_checkout_settles_by_webhook(runtime: Runtime, client: httpx.AsyncClient, worker: Worker) -> None:
    customer_id = await a_customer(runtime)
    checkout = await a_checkout(runtime, customer_id)
    page = await client.get(checkout.path)
    assert page.status_code == 200
    assert "R529,00" in page.text.replace("\xa0", "")
    assert "Test mode" in page.text
    answer = await pay(client, checkout)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"https://testserver/app/billing?checkout={checkout.id}"
    assert (await the_payment(runtime)).status == "pending"
    await worker.drain()
    payment = await the_payment(runtime)
    assert payment.status == "succeeded"
    assert len(await facts(runtime, "PaymentSucceeded")) == 1
