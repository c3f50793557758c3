"""The hosted pages as a payer meets them: every card, every way back, nothing typed is given back."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from autorisen.kit.clock import SandboxClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.payments import (
    DECLINED,
    DISPUTED,
    FAILS_LATER,
    INSUFFICIENT_FUNDS,
    NEEDS_STEP,
    SUCCEEDS,
    OpenCheckout,
    a_checkout,
    a_customer,
    count,
    facts,
    pay,
    the_payment,
)


@pytest.fixture
async def checkout(runtime: Runtime) -> OpenCheckout:
    return await a_checkout(runtime, await a_customer(runtime))


async def test_the_page_says_what_is_paid_and_that_it_is_a_test(
    client: httpx.AsyncClient, checkout: OpenCheckout
) -> None:
    page = await client.get(checkout.path)
    text = page.text.replace("\xa0", "")
    assert page.status_code == 200
    for part in ("R529,00", "Autorisen Pro, March 2026", "Test mode", SUCCEEDS, "Cancel and go back"):
        assert part in text
    assert f'href="https://testserver/app/billing?checkout={checkout.id}"' in text
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("number", [SUCCEEDS, FAILS_LATER])
async def test_a_good_card_leads_back(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout, number: str
) -> None:
    answer = await pay(client, checkout, number)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"/app/billing?checkout={checkout.id}")
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert "This is paid" in (await client.get(checkout.path)).text


async def test_a_declined_card_leaves_the_page_open_for_another_one(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    for number, words in ((DECLINED, "The bank declined the card."), (INSUFFICIENT_FUNDS, "insufficient funds")):
        answer = await pay(client, checkout, number)
        assert answer.status_code == 402
        assert words in answer.text
        assert "try another card" in answer.text
    await worker.drain()
    assert (await the_payment(runtime)).status == "pending"
    assert await facts(runtime, "PaymentFailed") == []
    assert (await pay(client, checkout)).status_code == 303
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert await count(runtime, "payments.payment_methods") == 1, "declined cards are not kept"


async def test_a_card_that_needs_a_step_is_confirmed_at_the_bank(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    answer = await pay(client, checkout, NEEDS_STEP)
    step = answer.headers["location"]
    assert (answer.status_code, step.startswith(f"{checkout.path}/step/sch_")) == (303, True)
    page = await client.get(step)
    assert (page.status_code, "ending in 3155" in page.text) == (200, True)
    await worker.drain()
    waiting = await the_payment(runtime)
    assert (waiting.status, waiting.action_url) == ("requires_action", f"https://testserver{step}")
    approved = await client.post(step, data={"answer": "approve"})
    assert approved.headers["location"].endswith(f"checkout={checkout.id}")
    await worker.drain()
    assert ((await the_payment(runtime)).status, (await the_payment(runtime)).action_url) == ("succeeded", None)
    for again in (await client.get(step), await client.post(step, data={"answer": "deny"})):
        assert again.status_code == 303, "what is done is done"
    assert (await the_payment(runtime)).status == "succeeded"


async def test_a_denied_step_lets_the_payer_use_another_card(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    step = (await pay(client, checkout, NEEDS_STEP)).headers["location"]
    await worker.drain()
    denied = await client.post(step, data={"answer": "perhaps"})
    assert (denied.status_code, "not confirmed with the bank" in denied.text) == (402, True)
    assert (await client.get(step)).status_code == 402
    await worker.drain()
    assert (await the_payment(runtime)).status == "requires_action"
    await pay(client, checkout)
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"


async def test_a_step_that_is_approved_after_another_card_paid_charges_nothing(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    step = (await pay(client, checkout, NEEDS_STEP)).headers["location"]
    await pay(client, checkout, SUCCEEDS)
    late = await client.post(step, data={"answer": "approve"})
    assert "paid" in late.text or late.status_code == 402
    await worker.drain()
    assert await count(runtime, "sandbox.charges WHERE status = 'succeeded'") == 1
    assert len(await facts(runtime, "PaymentSucceeded")) == 1


async def test_a_double_click_pays_once(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    import asyncio

    answers = await asyncio.gather(*[pay(client, checkout) for _ in range(4)])
    assert {answer.status_code for answer in answers} <= {200, 303}
    await worker.drain()
    assert await count(runtime, "sandbox.charges") == 1
    assert len(await facts(runtime, "PaymentSucceeded")) == 1


async def test_the_disputed_card_is_disputed_a_day_later(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, checkout: OpenCheckout
) -> None:
    await pay(client, checkout, DISPUTED)
    await worker.drain()
    assert (await the_payment(runtime)).status == "succeeded"
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_offset(timedelta(days=1))
    await worker.drain()
    assert (await the_payment(runtime)).status == "disputed"
    (fact,) = await facts(runtime, "PaymentDisputed")
    assert fact["reference"] == "order:1"


async def test_what_was_typed_wrongly_is_said_and_never_repeated(
    runtime: Runtime, client: httpx.AsyncClient, checkout: OpenCheckout
) -> None:
    typed = {"number": "5555 5555 5555 4444", "expiry": "13/30", "cvc": "12"}
    page = await client.post(f"{checkout.path}/pay", data=typed)
    assert page.status_code == 422
    for words in ("not one of the test cards", "month and year", "Three or four digits"):
        assert words in page.text
    for secret in ("5555 5555 5555 4444", "5555555555554444"):
        assert secret not in page.text
    expired = await client.post(f"{checkout.path}/pay", data={"number": SUCCEEDS, "expiry": "02/26", "cvc": "123"})
    assert "has expired" in expired.text
    assert (await client.post(f"{checkout.path}/pay")).status_code == 422
    assert (await client.post(f"{checkout.path}/pay", data={"number": "4" * 100})).status_code == 422
    assert await count(runtime, "sandbox.methods") == 0


async def test_an_expired_page_takes_no_money(
    runtime: Runtime, client: httpx.AsyncClient, checkout: OpenCheckout
) -> None:
    assert isinstance(runtime.clock, SandboxClock)
    runtime.clock.set_offset(timedelta(hours=24))
    page = await pay(client, checkout)
    assert "time for this page is over" in page.text
    assert await count(runtime, "sandbox.charges") == 0


async def test_pages_that_do_not_exist_are_not_found(client: httpx.AsyncClient, checkout: OpenCheckout) -> None:
    step = (await pay(client, checkout, NEEDS_STEP)).headers["location"]
    for path in ("/sandbox/checkout/none", "/sandbox/checkout/%00", f"{checkout.path}/step/none"):
        assert (await client.get(path)).status_code == 404
    assert (await client.get(f"{checkout.path}/step/%00")).status_code == 404
    assert (await client.get(step.replace(checkout.provider_id, "sco_other"))).status_code == 404


async def test_a_foreign_page_can_not_make_a_payer_pay(client: httpx.AsyncClient, checkout: OpenCheckout) -> None:
    form = {"number": SUCCEEDS, "expiry": "12/30", "cvc": "123"}
    headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    assert (await client.post(f"{checkout.path}/pay", data=form, headers=headers)).status_code == 403
