"""The next invoice so far is what the close makes of it when nothing more happens: to the line, credits included.

Method: random histories of use (on time and late), corrections, credits, and plans that are to change or end with their
period; after each the preview is kept, the clock goes to the instant that the preview names, and both are compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import catalog, metering, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import Line, NextInvoice, next_invoice, tax
from autorisen.kit.problems import Problem
from tests.factories.accounts import make_customer, make_key
from tests.factories.billing import Shop
from tests.factories.wallet import Purse

_numbers = itertools.count(1)
# What is only known once it is stored.
_STORED = {"id", "rated_usage_id"}
TOKENS = 9_000_000

steps = st.one_of(
    st.tuples(st.just("use"), st.integers(1, TOKENS), st.just(0)),
    st.tuples(st.just("use"), st.integers(1, TOKENS), st.integers(1, 45)),
    st.tuples(st.just("void"), st.integers(0, 9)),
    st.tuples(st.just("give"), st.integers(1, 90_000), st.sampled_from([None, 2, 20, 33])),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3, 17, 31.06])),
    st.tuples(st.just("upgrade"), st.sampled_from(["pro", "enterprise"])),
    st.tuples(st.just("end"), st.sampled_from(["cancel", "pause", "pro", "keep", "now"])),
)


def said(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Everything that lines say, without the ids under which they are stored."""
    names = [each.name for each in fields(Line) if each.name not in _STORED]
    return [{name: getattr(line, name) for name in names} for line in lines]


class Story:
    """One customer, and what it has sent."""

    def __init__(self, shop: Shop, customer: Customer) -> None:
        self.shop, self.customer, self.purse = shop, customer, Purse(shop, customer)
        self.sent: list[str] = []

    async def live(self, story: Sequence[tuple[Any, ...]]) -> None:
        for name, *values in story:
            with suppress(Problem):
                await getattr(self, name)(*values)

    async def use(self, tokens: int, days_ago: int) -> None:
        id = f"{self.customer.key}-{len(self.sent)}"
        self.sent.append(id)
        at = self.shop.clock.now() - timedelta(days=days_ago)
        event = {
            "specversion": "1.0",
            "id": id,
            "source": "story",
            "type": "llm.completion",
            "subject": self.customer.key,
            "time": at.isoformat(),
            "data": {"input_tokens": tokens, "output_tokens": tokens // 10},
        }
        async with self.shop.runtime.unit() as unit:
            await metering.ingest(unit, None, [metering.new_event(event)])

    async def void(self, index: int) -> None:
        if self.sent:
            correction = {"kind": "void", "source": "story", "id": self.sent[index % len(self.sent)], "reason": "tests"}
            async with self.shop.runtime.unit() as unit:
                operator = await make_key(unit, None)
            answer = await self.shop.client.post(
                "/api/events/corrections", json={"corrections": [correction]}, headers=operator
            )
            assert answer.status_code == 200, answer.text

    async def give(self, minor: int, days: float | None) -> None:
        await self.purse.give(minor, days=days)

    async def wait(self, days: float) -> None:
        await self.shop.advance(days=days)

    async def upgrade(self, plan: str) -> None:
        await self.shop.upgrade(self.customer, plan)

    async def end(self, how: str) -> None:
        subscription = await self.shop.subscription(self.customer)
        async with self.shop.runtime.unit() as unit:
            match how:
                case "cancel":
                    await subscriptions.request_cancel(unit, subscription.id)
                case "pause":
                    await subscriptions.request_pause(unit, subscription.id)
                case "now":
                    await subscriptions.cancel_now(unit, subscription.id)
                case "keep":
                    await subscriptions.keep(unit, subscription.id)
                case _:
                    plan = await catalog.current_plan(unit.tx, how, unit.now)
                    await subscriptions.schedule_change(unit, subscription.id, plan_version=plan, interval="month")


async def preview(shop: Shop, customer: Customer) -> NextInvoice:
    async with shop.runtime.database.read() as tx:
        found = await next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now())
    assert found is not None
    return found


async def require_exact(shop: Shop, customer: Customer) -> NextInvoice:
    """What is previewed is issued at that instant, and nothing else is before."""
    before = await shop.invoices(customer)
    expected = await preview(shop, customer)
    await shop.advance(seconds=(expected.issued_at - shop.clock.now()).total_seconds())
    made = (await shop.invoices(customer))[len(before) :]
    if not expected.draft.total.minor:
        assert made == []
        assert not expected.amount_due
        return expected
    (invoice,) = made
    assert said(invoice.lines) == said(expected.draft.lines)
    assert (invoice.total, invoice.tax, invoice.tax_terms) == (
        expected.draft.total,
        expected.draft.tax,
        expected.draft.tax_terms,
    )
    assert (invoice.credits, invoice.total - invoice.credits) == (expected.credits, expected.amount_due)
    assert (invoice.period_id, invoice.issued_at) == (expected.period.id, expected.issued_at)
    return expected


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=2, max_size=10))
async def test_the_preview_is_what_the_close_makes_after_any_history(shop: Shop, story: list[tuple[Any, ...]]) -> None:
    key = f"customer-{next(_numbers)}"
    if key == "customer-1":
        await shop.customer("first")
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit, key=key)
    await shop.worker.drain()
    lived = Story(shop, customer)
    await lived.upgrade("pro")
    await lived.live(story)
    await require_exact(shop, customer)
    await require_exact(shop, customer)


async def test_credits_that_end_before_the_invoice_pay_nothing_of_it(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    purse = Purse(shop, customer)
    await purse.give(10_000, days=30)
    await purse.give(4_000, days=60)
    found = await require_exact(shop, customer)
    assert (found.draft.total.minor, found.credits.minor, found.amount_due.minor) == (52_900, 4_000, 48_900)


async def test_after_a_change_at_once_the_time_before_it_is_billed_first(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=10)
    await shop.use(customer, 2_100)
    await shop.advance(hours=1)
    await shop.upgrade(customer, "enterprise")
    first = await require_exact(shop, customer)
    assert (first.period.was_cut, first.draft.total.minor) == (True, 2_500)
    second = await require_exact(shop, customer)
    assert second.period.start_at == first.period.end_at


async def test_tax_is_that_of_the_day_of_the_invoice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = (*tax.STANDARD_RATES, tax.TaxRate(Decimal("0.16"), date(2026, 3, 20)))
    monkeypatch.setattr(tax, "STANDARD_RATES", rates)
    customer = await shop.customer()
    await shop.upgrade(customer)
    found = await require_exact(shop, customer)
    assert found.draft.tax_terms.rate == Decimal("0.16")


async def test_who_has_no_subscription_has_no_next_invoice(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit, key="early")
    async with shop.runtime.database.read() as tx:
        assert await next_invoice(tx, shop.runtime.settings, customer_id=customer.id, now=shop.clock.now()) is None


async def test_a_trial_goes_on_as_paid_time_where_a_card_pays_it(shop: Shop) -> None:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        plan = await catalog.current_plan(unit.tx, "pro", unit.now)
        subscription = await shop.subscription(customer)
        await subscriptions.start_trial(unit, subscription.id, plan=plan, interval="month")
    await shop.advance(hours=2)
    assert (await preview(shop, customer)).draft.total.minor == 0
    # The card of a payment is kept.
    other = await shop.customer("other")
    await shop.upgrade(other)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(other)).id)
    await shop.advance(hours=2)
    async with shop.runtime.unit() as unit:
        await subscriptions.start_trial(unit, (await shop.subscription(other)).id, plan=plan, interval="month")
    await shop.advance(hours=2)
    found = await preview(shop, other)
    assert (found.period.kind, found.draft.total.minor) == ("trial", 52_900)
