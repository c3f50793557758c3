"""One customer's credits, as tests give, look at and compare them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from autorisen import catalog, ledger
from autorisen.accounts import Customer
from autorisen.billing import wallet
from autorisen.billing.issue_invoice import issue_invoice, store_draft
from autorisen.billing.model import Draft, Invoice, Purpose
from autorisen.billing.parties import customer_party
from autorisen.billing.wallet import Grant, GrantKind, Movement
from autorisen.kit.mail import Message, mails
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from tests.factories.billing import Shop, a_draft, a_line


@dataclass
class Purse:
    """The wallet of one customer in one shop."""

    shop: Shop
    customer: Customer

    async def give(
        self,
        minor: int,
        kind: GrantKind = GrantKind.PROMOTIONAL,
        *,
        days: float | None = None,
        priority: int | None = None,
        currency: str = "ZAR",
        source: str = "",
    ) -> Grant:
        """Credits that end after so many days."""
        async with self.shop.runtime.unit() as unit:
            return await wallet.grant(
                unit,
                customer_id=self.customer.id,
                kind=kind,
                amount=Money(minor, currency),
                source=source or f"tests:{unit.ids.new()}",
                reason="tests",
                priority=priority,
                expires_at=None if days is None else unit.now + timedelta(days=days),
                paid_by=ledger.chart.clearing("sandbox") if kind is GrantKind.PAID else None,
            )

    async def invoice(self, minor: int) -> Invoice:
        """An issued invoice over one fee, paid from credits as far as there are."""
        async with self.shop.runtime.unit() as unit:
            return await issue_invoice(unit, await self.bill(unit, minor))

    async def draft(self, minor: int) -> Invoice:
        """A stored draft over one fee."""
        async with self.shop.runtime.unit() as unit:
            return await store_draft(unit, await self.bill(unit, minor))

    async def bill(self, unit: Unit, minor: int) -> Draft:
        """What an invoice over one fee is going to say."""
        price = (await catalog.current_plan(unit.tx, "pro", unit.now)).flat_price("ZAR", "month")
        assert price is not None
        return replace(
            a_draft(replace(a_line(minor), price_id=price.id)),
            customer_id=self.customer.id,
            subscription_id=(await self.shop.subscription(self.customer)).id,
            period_id=(await self.shop.period(self.customer)).id,
            customer=customer_party(self.customer),
            # As many as one likes of a period.
            purpose=Purpose.UPGRADE,
        )

    async def left(self) -> list[int]:
        """What is left of each grant, oldest first, in cents."""
        async with self.shop.runtime.database.read() as tx:
            return [grant.remaining.minor for grant in reversed(await wallet.grants_of(tx, self.customer.id))]

    async def balance(self, currency: str = "ZAR") -> int:
        """The sum of what is left, which the books must know as well."""
        async with self.shop.runtime.database.read() as tx:
            grants = await wallet.grants_of(tx, self.customer.id)
            moved = [row.movement for row in await wallet.movements(tx, self.customer.id, limit=1000)]
        left = sum(grant.remaining.minor for grant in grants if grant.amount.currency == currency)
        assert left == sum(each.amount.minor for each in moved if each.amount.currency == currency)
        assert left == -await self.shop.balance(f"wallet:{self.customer.id}", currency)
        return left

    async def movements(self) -> list[Movement]:
        """What happened, oldest first."""
        async with self.shop.runtime.database.read() as tx:
            return [row.movement for row in reversed(await wallet.movements(tx, self.customer.id, limit=1000))]

    async def mails(self) -> list[Message]:
        """What the customer was told, oldest first."""
        async with self.shop.runtime.database.read() as tx:
            return [each.message for each in reversed(await mails(tx, recipient=self.customer.email, limit=200))]
