"""Whatever a customer does, it never gets more credit than it paid, and its periods have neither gap nor overlap.

Method: random histories of changes, payments, refunds, credit notes, pauses, trials and time, made through the verbs
that the API and the pages call, with the worker closing what is due; each on a customer of its own. After every step
the rows of the database are summed up by another way than the one under test.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autorisen import billing, payments, subscriptions
from autorisen.accounts import Customer
from autorisen.billing.credit_notes.issue_credit_note import Request, issue_credit_note
from autorisen.billing.credit_notes.model import Settlement, Wanted
from autorisen.billing.lifecycle.first_payment import subscribe
from autorisen.billing.lifecycle.pauses import pause, resume
from autorisen.billing.lifecycle.trials import start_trial
from autorisen.billing.model import Interval
from autorisen.kit.money import Money
from autorisen.kit.problems import Problem
from autorisen.subscriptions import LIVE
from tests.factories.billing import START, Shop
from tests.factories.payments import DECLINED, FAILS_LATER, SUCCEEDS, facts

_numbers = itertools.count(1)

plans = st.sampled_from(["free", "pro", "enterprise"])
cycles = st.sampled_from(["month", "year"])
steps = st.one_of(
    st.tuples(st.just("change"), plans, cycles, st.sampled_from([SUCCEEDS, SUCCEEDS, DECLINED, FAILS_LATER])),
    st.tuples(st.just("plan"), plans, cycles),
    st.tuples(st.just("quote"), plans, cycles),
    st.tuples(st.just("pay_quote"), st.integers(0, 3)),
    st.tuples(st.just("try"), cycles),
    st.tuples(st.just("subscribe"), plans, cycles),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("resume")),
    st.tuples(st.just("keep")),
    st.tuples(st.just("cancel"), st.booleans()),
    st.tuples(st.just("refund"), st.integers(0, 3)),
    st.tuples(st.just("part"), st.integers(0, 3), st.integers(1, 60_000)),
    st.tuples(st.just("credit"), st.integers(0, 3), st.integers(1, 60_000), st.booleans()),
    st.tuples(st.just("use"), st.integers(1, 30)),
    st.tuples(st.just("wait"), st.sampled_from([0.02, 0.5, 3, 14, 31, 45])),
)
zones = st.sampled_from(["Africa/Johannesburg", "Pacific/Niue", "Pacific/Kiritimati", "America/New_York"])

# What was given back of each fee, in whichever way, and what went back of its payment without a credit note; beside
# what the fee was and whether its invoice was paid.
FEES = """
SELECT f.line_id, l.amount_minor, i.status, i.refunded_at IS NOT NULL,
    (SELECT coalesce(sum(-p.amount_minor), 0) FROM billing.pending_changes c
        JOIN billing.invoice_lines p ON p.invoice_id = c.invoice_id AND p.kind = 'proration_credit'
        WHERE c.period_id = f.period_id AND c.status = 'applied')
    + (SELECT coalesce(sum(n.amount_minor), 0) FROM billing.pending_changes c
        JOIN billing.invoice_lines p ON p.invoice_id = c.invoice_id AND p.kind = 'proration_credit'
        JOIN billing.credit_note_lines n ON n.invoice_line_id = p.id
        WHERE c.period_id = f.period_id AND c.status = 'applied'),
    (SELECT coalesce(sum(n.amount_minor), 0) FROM billing.credit_note_lines n WHERE n.invoice_line_id = l.id),
    (SELECT greatest(0, coalesce(max(p.refunded_minor), 0) - (SELECT coalesce(sum(n.total_minor - n.due_minor), 0)
            FROM billing.credit_notes n WHERE n.invoice_id = i.id AND n.settlement = 'refund'))
        FROM billing.invoice_payments a JOIN payments.payments p ON p.id = a.payment_id WHERE a.invoice_id = i.id)
FROM billing.period_fees f
JOIN billing.invoice_lines l ON l.id = f.line_id
JOIN billing.invoices i ON i.id = f.invoice_id
WHERE i.customer_id = %s
"""


# What the database refuses, nobody may have asked of it.
REFUSED_WORK = "SELECT kind, last_error FROM kit.jobs WHERE last_error ~ 'Violation' OR state = 'dead'"


class Story:
    """One customer, what it does, and what must hold after it."""

    def __init__(self, shop: Shop, customer: Customer) -> None:
        self.shop, self.customer = shop, customer
        self.quotes: list[str] = []
        self.prorated: dict[UUID, int] = {}

    async def live(self, story: list[Any]) -> None:
        for name, *values in story:
            verb: Callable[..., Awaitable[None]] = getattr(self, f"do_{name}")
            with suppress(Problem):
                await verb(*values)
            await self.shop.worker.drain()
            await self.check()
        await self.shop.advance(days=1)
        await self.check()

    async def do_change(self, plan: str, interval: Interval, card: str) -> None:
        changed = await billing.change_subscription(
            self.shop.runtime, customer_id=self.customer.id, plan_key=plan, interval=interval, actor="tests"
        )
        if changed.checkout is not None:
            await self.shop.pay(changed.checkout.url, card)

    async def do_quote(self, plan: str, interval: Interval) -> None:
        checkout = await billing.start_upgrade(
            self.shop.runtime, customer_id=self.customer.id, plan_key=plan, interval=interval
        )
        self.quotes.append(checkout.url)

    async def do_pay_quote(self, index: int) -> None:
        if self.quotes:
            await self.shop.pay(self.quotes[index % len(self.quotes)])

    async def do_plan(self, plan: str, interval: Interval) -> None:
        await billing.change_subscription(
            self.shop.runtime,
            customer_id=self.customer.id,
            plan_key=plan,
            interval=interval,
            actor="tests",
            at_period_end=True,
        )

    async def do_try(self, interval: Interval) -> None:
        async with self.shop.runtime.unit() as unit:
            await start_trial(unit, customer_id=self.customer.id, plan_key="pro", interval=interval, actor="tests")

    async def do_subscribe(self, plan: str, interval: Interval) -> None:
        async with self.shop.runtime.unit() as unit:
            await subscribe(unit, customer_id=self.customer.id, plan_key=plan, interval=interval, actor="tests")

    async def do_pause(self, at_once: bool) -> None:
        async with self.shop.runtime.unit() as unit:
            await pause(unit, (await self.live_one()).id, at_once=at_once, actor="tests")

    async def do_resume(self) -> None:
        async with self.shop.runtime.unit() as unit:
            await resume(unit, (await self.live_one()).id, actor="tests")

    async def do_keep(self) -> None:
        async with self.shop.runtime.unit() as unit:
            await subscriptions.keep(unit, (await self.live_one()).id)

    async def do_cancel(self, at_once: bool) -> None:
        async with self.shop.runtime.unit() as unit:
            verb = subscriptions.cancel_now if at_once else subscriptions.request_cancel
            await verb(unit, (await self.live_one()).id)

    async def do_refund(self, index: int) -> None:
        async with self.shop.runtime.unit() as unit:
            paid = await payments.list_payments(unit.tx, customer_id=self.customer.id)
            done = [each for each in paid if each.status is payments.PaymentStatus.SUCCEEDED]
            if done:
                await payments.refund_payment(unit, done[index % len(done)].id)

    async def do_part(self, index: int, minor: int) -> None:
        """A part of a payment goes back, and no credit note says what for."""
        async with self.shop.runtime.unit() as unit:
            paid = await payments.list_payments(unit.tx, customer_id=self.customer.id)
            done = [each for each in paid if each.status is payments.PaymentStatus.SUCCEEDED]
            if done:
                reference, amount = f"part:{next(_numbers)}", Money(minor, "ZAR")
                await payments.refund_payment(unit, done[index % len(done)].id, amount=amount, reference=reference)

    async def do_credit(self, index: int, minor: int, keep: bool) -> None:
        issued = await self.shop.invoices(self.customer)
        if not issued:
            return
        wanted = Wanted(amount=Money(minor, "ZAR")) if minor % 3 else Wanted()
        request = Request("tests", wanted, Settlement.CREDIT if keep else Settlement.REFUND)
        async with self.shop.runtime.unit() as unit:
            await issue_credit_note(unit, issued[index % len(issued)].id, request, actor="tests")

    async def do_use(self, executions: int) -> None:
        await self.shop.use(self.customer, executions * 100, prefix=f"use-{next(_numbers)}")

    async def do_wait(self, days: float) -> None:
        await self.shop.advance(days=days)

    async def live_one(self) -> subscriptions.Subscription:
        return await self.shop.subscription(self.customer)

    async def check(self) -> None:
        await self.check_periods()
        async with self.shop.runtime.database.read() as tx:
            fees = await (await tx.execute(FEES, (self.customer.id,))).fetchall()
            assert await (await tx.execute(REFUSED_WORK)).fetchall() == []
        for line_id, fee, status, refunded, prorated, noted, unexplained in fees:
            assert 0 <= prorated + noted <= fee, line_id
            # Only what was paid is credited by a change.
            assert not prorated or status == "paid", (line_id, refunded)
            # What goes back after a change is whoever refunds it's own decision; before one, it is no credit any more.
            if prorated > self.prorated.get(line_id, 0):
                assert prorated + noted + unexplained <= fee, line_id
            self.prorated[line_id] = prorated
        invoices = await self.shop.invoices(self.customer)
        assert all(each.total.minor > 0 for each in invoices)
        assert await self.shop.at_gateway() >= 0, "more never went back than came"

    async def check_periods(self) -> None:
        async with self.shop.runtime.database.read() as tx:
            history = await subscriptions.subscription_history(tx, self.customer.id)
            found = [each for one in history for each in await subscriptions.periods_of(tx, one.id)]
        found.sort(key=lambda each: each.start_at)
        assert found[0].start_at == self.customer.created_at
        assert all(before.end_at == after.start_at for before, after in pairwise(found)), "no gap, no overlap"
        assert all(each.start_at < each.end_at <= each.planned_end_at for each in found)
        assert sum(each.status in LIVE for each in history) == 1
        assert found[-1].status == "open"
        trials = [each for each in found if each.kind == "trial"]
        assert len(trials) <= 1, "one trial of Pro for ever"


async def test_each_way_to_farm_credit_that_comes_to_mind(shop: Shop) -> None:
    """Buy, go up, have the first fee credited again; go round by pauses, cancellations and first payments."""
    customer = await shop.customer(address="12 Kloof Road")
    story = Story(shop, customer)
    await story.live(
        [
            ("change", "pro", "month", SUCCEEDS),
            ("wait", 3),
            ("change", "enterprise", "month", SUCCEEDS),
            ("credit", 0, 60_000, False),
            ("credit", 0, 3, True),
            ("change", "enterprise", "year", SUCCEEDS),
            ("pause", True),
            ("change", "enterprise", "year", SUCCEEDS),
            ("resume",),
            ("cancel", True),
            ("subscribe", "pro", "month"),
            ("change", "enterprise", "month", SUCCEEDS),
            ("refund", 0),
            ("change", "enterprise", "year", SUCCEEDS),
            ("credit", 3, 3, False),
        ]
    )
    assert len(await shop.invoices(customer)) >= 4
    assert shop.clock.now() > START


@pytest.mark.parametrize("minor, keep", [(3, True), (20_000, False)], ids=["whole", "part"])
async def test_a_quote_does_not_take_off_what_was_given_back_since(shop: Shop, minor: int, keep: bool) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=3)
    story = Story(shop, customer)
    await story.do_quote("enterprise", "month")
    await story.do_credit(0, minor, keep)
    await story.do_pay_quote(0)
    (parked,) = await facts(shop.runtime, "PaymentUnapplied")
    assert parked["reason"] == "what the quote takes off was given back since"
    assert (await shop.subscription(customer)).plan_key == "pro"
    await story.check()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=4, max_size=12), zones)
@example(
    [("change", "pro", "month", SUCCEEDS), ("part", 0, 50_000), ("change", "enterprise", "month", SUCCEEDS)],
    "Africa/Johannesburg",
)
async def test_no_history_gives_more_than_was_paid(shop: Shop, story: list[Any], zone: str) -> None:
    customer = await shop.customer(f"customer-{next(_numbers)}", address="12 Kloof Road", time_zone=zone)
    await Story(shop, customer).live(story)
