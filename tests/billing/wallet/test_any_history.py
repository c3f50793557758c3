"""Whatever happens to a wallet, its balance is the sum of its movements, never below zero, and what the books say.

Method: random histories of grants, invoices, voids, returns and time, each on a customer of its own; after every step
the wallet is compared with the ledger and with a plain sum kept beside it.
"""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import ledger
from autorisen.accounts import Customer
from autorisen.billing import Invoice, wallet
from autorisen.billing.wallet import GrantKind
from autorisen.kit.money import Money
from tests.factories.accounts import make_customer
from tests.factories.billing import Shop
from tests.factories.wallet import Purse

_numbers = itertools.count(1)

amounts = st.integers(1, 20_000)
steps = st.one_of(
    st.tuples(st.just("give"), amounts, st.sampled_from(GrantKind), st.sampled_from([None, 1, 5, 30])),
    st.tuples(st.just("invoice"), amounts),
    st.tuples(st.just("return"), st.integers(0, 3)),
    st.tuples(st.just("void"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 1, 6])),
)


class History:
    """A wallet, and what a person would keep of it on paper."""

    def __init__(self, shop: Shop, customer: Customer) -> None:
        self.shop, self.customer, self.purse = shop, customer, Purse(shop, customer)
        self.invoices: list[Invoice] = []

    async def give(self, minor: int, kind: GrantKind, days: float | None) -> None:
        made = await self.purse.give(minor, kind, days=None if kind is GrantKind.PAID else days)
        if kind is GrantKind.CREDIT_NOTE:
            amount = Money(minor, "ZAR")
            note = ledger.postings.credit_note_issued(
                credit_note_id=made.id,
                number="tests",
                nets={ledger.chart.REVENUE_USAGE: amount},
                tax=Money(0, "ZAR"),
                settles={ledger.chart.wallet(self.customer.id): amount},
            )
            async with self.shop.runtime.unit() as unit:
                await ledger.post_fact(unit, note, occurred_at=unit.now)

    async def invoice(self, minor: int) -> None:
        before = await self._usable()
        made = await self.purse.invoice(minor)
        assert made.credits.minor == min(minor, before)
        self.invoices.append(made)

    async def return_draws(self, index: int) -> None:
        if self.invoices:
            made = self.invoices[index % len(self.invoices)]
            assert made.number is not None
            async with self.shop.runtime.unit() as unit:
                await wallet.return_draws(unit, customer_id=self.customer.id, invoice_id=made.id, number=made.number)

    async def void(self, index: int) -> None:
        async with self.shop.runtime.database.read() as tx:
            grants = await wallet.grants_of(tx, self.customer.id)
        if grants:
            try:
                async with self.shop.runtime.unit() as unit:
                    await wallet.void_grant(unit, grants[index % len(grants)].id, reason="tests")
            except wallet.NotVoidable:
                pass

    async def _usable(self) -> int:
        async with self.shop.runtime.database.read() as tx:
            grants = await wallet.grants_left(tx, [self.customer.id])
        return wallet.balance(grants, "ZAR", self.shop.clock.now()).minor

    async def live(self, story: list[Any]) -> None:
        for name, *values in story:
            match name:
                case "give":
                    await self.give(*values)
                case "invoice":
                    await self.invoice(*values)
                case "return":
                    await self.return_draws(*values)
                case "void":
                    await self.void(*values)
                case _:
                    await self.shop.advance(days=values[0])
            assert await self.purse.balance() >= 0


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=3, max_size=14))
async def test_the_wallet_is_what_the_books_say_after_any_history(shop: Shop, story: list[Any]) -> None:
    key = f"customer-{next(_numbers)}"
    if key == "customer-1":
        await shop.customer("first")
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit, key=key)
    await shop.worker.drain()
    await History(shop, customer).live(story)
