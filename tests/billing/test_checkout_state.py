"""Where a payment stands that its payer has just come back from."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from autorisen import billing
from autorisen.accounts import Customer
from autorisen.billing.checkout_state import CheckoutState, checkout_state
from autorisen.kit.ids import public_id
from tests.factories.accounts import make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER


async def _state(shop: Shop, customer: Customer, checkout_id: UUID) -> CheckoutState | None:
    async with shop.runtime.database.read() as tx:
        return await checkout_state(tx, customer_id=customer.id, checkout=public_id("chk", checkout_id))


async def test_it_waits_then_is_done_and_is_nobody_elses(shop: Shop) -> None:
    customer, other = await shop.customer(), await shop.customer("other")
    checkout = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    waiting = await _state(shop, customer, checkout.id)
    assert waiting is not None
    assert waiting.state == "waiting"
    assert await _state(shop, other, checkout.id) is None
    await shop.pay(checkout.url)
    done = await _state(shop, customer, checkout.id)
    assert done is not None
    assert done.state == "done"


async def test_money_that_could_not_be_used_is_said(shop: Shop) -> None:
    customer = await shop.customer()
    pro = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    big = await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="enterprise", interval="month")
    await shop.pay(pro.url)
    await shop.pay(big.url)
    state = await _state(shop, customer, big.id)
    assert state is not None
    assert state.state == "unapplied"


async def test_a_failed_one_is_said_on_the_page_and_not_waited_for(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    await sign_in(shop.client, shop.runtime)
    invoice = (await shop.invoices(customer))[1]
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    under_way = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text
    assert "Payment started" in under_way
    async with shop.runtime.unit() as unit:
        fail = "UPDATE payments.payments SET status = 'failed', failure_code = 'expired', failure_reason = %(reason)s"
        await unit.tx.execute(fail + " WHERE id = %(id)s", {"reason": "Time ran out.", "id": checkout.payment_id})
    here = f"/app/invoices/{invoice.public_id}?checkout={public_id('chk', checkout.id)}"
    assert "Time ran out. Nothing was charged" in (await shop.client.get(here)).text
    polled = await shop.client.get(here, headers={"HX-Request": "true"})
    assert (polled.status_code, polled.headers["HX-Redirect"]) == (204, here)
    assert shop.clock.now() > invoice.due_at - timedelta(days=8)  # type: ignore[operator]  # an issued one has a date
