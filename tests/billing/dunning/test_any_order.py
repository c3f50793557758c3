"""Payments, failures, people and time in any order: one charge at a time, each step once, and paid means restored."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.billing import Invoice, InvoiceStatus
from autorisen.billing.dunning.model import Outcome
from autorisen.kit.problems import Conflict
from autorisen.subscriptions import Status
from tests.billing.dunning.test_dunning import allowed, attempts, done, dunning_of, failing
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER, SUCCEEDS

numbers = itertools.count(1)
doings = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 24 * 12)),
    st.tuples(st.sampled_from(["pause", "resume", "retry", "open page", "pay", "pay badly"]), st.just(0)),
)


async def _do(shop: Shop, customer: Customer, invoice: Invoice, what: str, hours: int) -> None:
    """One thing that may happen; what is refused says so, and changes nothing."""
    verbs = {"pause": billing.pause_dunning, "resume": billing.resume_dunning, "retry": billing.retry_now}
    try:
        if what == "wait":
            await shop.advance(hours=hours)
        elif what in verbs:
            async with shop.runtime.unit() as unit:
                await verbs[what](unit, invoice.id, actor="tests")
        else:
            page = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
            if what != "open page":
                await shop.pay(page.url, SUCCEEDS if what == "pay" else FAILS_LATER)
    except Conflict:
        pass
    await shop.worker.drain()


async def _laws(shop: Shop, customer: Customer, invoice: Invoice, charges_by_hand: int) -> None:
    tried = await attempts(shop, invoice)
    assert sum(each.is_live for each in tried) <= 1, "never two charges at a time"
    assert sum(each.succeeded_at is not None for each in tried) <= 1, "never paid twice"
    steps = [step for step, _ in await done(shop, invoice) if step is not None]
    assert len(steps) == len(set(steps)), "each step once"
    charged = sum(each.kind == payments.PaymentKind.SAVED_METHOD for each in tried)
    assert charged <= 4 + charges_by_hand
    now = next(each for each in await shop.invoices(customer) if each.id == invoice.id)
    dunning = await dunning_of(shop, invoice)
    subscription = await shop.subscription(customer)
    if now.status is InvoiceStatus.PAID:
        assert (dunning.outcome, dunning.next_at) == (Outcome.PAID, None)
        others = [each for each in await shop.invoices(customer) if each.status is InvoiceStatus.OPEN]
        if not others:
            assert (subscription.status, subscription.suspended_at) == (Status.ACTIVE, None)
            assert await allowed(shop, customer)
    else:
        assert dunning.ended_at is None
        assert (subscription.suspended_at is not None) <= (subscription.status is Status.PAST_DUE)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(story=st.lists(doings, min_size=3, max_size=9))
async def test_the_laws_hold_in_any_order(shop: Shop, story: list[tuple[str, int]]) -> None:
    customer, invoice = await failing(shop, f"acme-{next(numbers)}")
    charges_by_hand = 0
    for what, hours in story:
        charges_by_hand += what == "retry"
        await _do(shop, customer, invoice, what, hours)
        await _laws(shop, customer, invoice, charges_by_hand)
