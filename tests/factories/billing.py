"""Customers with plans, usage and invoices, made through the same verbs and pages as real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from autorisen import billing, ledger, metering, subscriptions
from autorisen.accounts import Customer, update_customer
from autorisen.billing.model import (
    Draft,
    Interval,
    Invoice,
    InvoiceStatus,
    Line,
    LineKind,
    Party,
    Purpose,
    TaxTerms,
    TaxTreatment,
)
from autorisen.billing.tax import vat_contained
from autorisen.kit.clock import FrozenClock
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_shipped
from tests.factories.payments import SUCCEEDS

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
VAT_15 = TaxTerms(TaxTreatment.STANDARD, Decimal("0.15"))
SUPPLIER = Party("Acme Agents (Pty) Ltd", "1 Long Street\nCape Town\n8001", "4123456789", "billing@localhost", "ZA")
BUYER = Party("Kaap Consulting CC", "12 Kloof Road\nCape Town", "4987654321", "pay@kaap.example", "ZA")


@dataclass
class Shop:
    """The platform as one customer meets it, with a clock that the test moves."""

    runtime: Runtime
    worker: Worker
    client: httpx.AsyncClient
    clock: FrozenClock

    async def customer(self, key: str = "acme", *, address: str = "", **values: str) -> Customer:
        """A customer on the Free plan, with the shipped catalog on sale."""
        async with self.runtime.unit() as unit:
            await apply_shipped(unit)
            customer = await make_customer(unit, key=key, **values)
            if address:
                customer = await update_customer(
                    unit,
                    customer_id=customer.id,
                    name=customer.name,
                    email=customer.email,
                    country=customer.country,
                    time_zone=customer.time_zone,
                    billing_address=address,
                    vat_number="",
                    actor="tests",
                )
        await self.worker.drain()
        return customer

    async def upgrade(
        self, customer: Customer, plan: str = "pro", interval: Interval = "month", *, card: str = SUCCEEDS
    ) -> httpx.Response:
        """Upgrade through the sandbox's checkout page, and let its webhook be worked off."""
        checkout = await billing.start_upgrade(self.runtime, customer_id=customer.id, plan_key=plan, interval=interval)
        return await self.pay(checkout.url, card)

    async def pay(self, url: str, card: str = SUCCEEDS) -> httpx.Response:
        """Type a test card into a checkout page, and let what follows happen."""
        form = {"number": card, "expiry": "12/30", "cvc": "123"}
        answer = await self.client.post(f"{httpx.URL(url).path}/pay", data=form)
        await self.worker.drain()
        return answer

    async def pause_dunning(self, invoice: Invoice) -> None:
        async with self.runtime.unit() as unit:
            await billing.pause_dunning(unit, invoice.id, actor="tests")

    async def use(
        self, customer: Customer, executions: int, *, at: datetime | None = None, prefix: str = "run"
    ) -> None:
        """So many agent executions at one instant."""
        when = at or self.runtime.clock.now()
        events = [
            metering.new_event(
                {
                    "specversion": "1.0",
                    "id": f"{prefix}-{number}",
                    "source": "tests",
                    "type": "agent.execution",
                    "subject": customer.key,
                    "time": when.isoformat().replace("+00:00", "Z"),
                    "data": {"agent": "code-review"},
                }
            )
            for number in range(executions)
        ]
        async with self.runtime.unit() as unit:
            receipt = await metering.ingest(unit, None, events)
        assert receipt.accepted == executions

    async def advance(self, **time: float) -> None:
        """Move the clock at once, then perform what fell due on the way, in its order."""
        await self.worker.drain()
        self.clock.advance(timedelta(**time))
        await self.worker.drain()

    async def subscription(self, customer: Customer) -> subscriptions.Subscription:
        async with self.runtime.database.read() as tx:
            found = await subscriptions.subscription_of(tx, customer.id)
        assert found is not None
        return found

    async def period(self, customer: Customer) -> subscriptions.Period:
        subscription = await self.subscription(customer)
        async with self.runtime.database.read() as tx:
            return await subscriptions.current_period(tx, subscription.id)

    async def invoices(self, customer: Customer) -> list[billing.Invoice]:
        """The customer's invoices with their lines, oldest first."""
        async with self.runtime.database.read() as tx:
            listed = await billing.list_invoices(tx, customer_id=customer.id, limit=1000)
            return [await billing.invoice(tx, each.id) for each in reversed(listed)]

    async def balance(self, account: str, currency: str = "ZAR") -> int:
        """What an account stands at, in cents; the books balance, or this fails."""
        async with self.runtime.database.read() as tx:
            trial = await ledger.trial_balance(tx)
        assert trial.is_balanced
        return sum(row.balance.minor for row in trial.accounts if (row.account, row.currency) == (account, currency))

    async def at_gateway(self, currency: str = "ZAR") -> int:
        """What the sandbox has of ours, in cents, as if it kept no fees."""
        return await self.balance("clearing:sandbox", currency) + await self.balance("expense:gateway_fees", currency)


def a_line(amount: int, kind: LineKind = LineKind.FLAT_FEE, *, terms: TaxTerms = VAT_15, currency: str = "ZAR") -> Line:
    """A line that nothing was rated for."""
    gross = Money(amount, currency)
    return Line(
        kind=kind,
        description="Pro plan, billed monthly",
        quantity=Decimal(1),
        included=Decimal(0),
        unit_amount=Decimal(amount),
        unit_label="month",
        amount=gross,
        tax=vat_contained(gross, terms),
        period_start=START,
        period_end=START + timedelta(days=31),
        price_id=UUID(int=9),
    )


def a_draft(*lines: Line, terms: TaxTerms = VAT_15, currency: str = "ZAR") -> Draft:
    """A draft of nobody in particular, for pure tests."""
    return Draft(
        customer_id=UUID(int=1),
        subscription_id=UUID(int=2),
        period_id=UUID(int=3),
        purpose=Purpose.PERIOD_CLOSE,
        currency=currency,
        tax_terms=terms,
        supplier=SUPPLIER,
        customer=BUYER,
        time_zone="Africa/Johannesburg",
        lines=lines,
    )


def a_draft_like(invoice: billing.Invoice, **changes: Any) -> Draft:
    """A draft of the same parties, subscription and lines as a stored invoice."""
    values = {name: getattr(invoice, name) for name in Draft.__dataclass_fields__}
    return Draft(**{**values, "purpose": Purpose.UPGRADE, **changes})


def an_invoice(draft: Draft, status: InvoiceStatus = InvoiceStatus.OPEN) -> Invoice:
    """An issued invoice that is stored nowhere, for pure tests."""
    is_paid = status is InvoiceStatus.PAID
    return Invoice(
        id=UUID(int=7),
        number="INV-2026-00042",
        status=status,
        subtotal=draft.subtotal,
        tax=draft.tax,
        total=draft.total,
        amount_paid=draft.total if is_paid else Money(0, draft.currency),
        credits=Money(0, draft.currency),
        credited=Money(0, draft.currency),
        credited_due=Money(0, draft.currency),
        credited_tax=Money(0, draft.currency),
        created_at=START,
        issued_at=START,
        due_at=START + timedelta(days=7),
        paid_at=START + timedelta(days=1) if is_paid else None,
        voided_at=None,
        refunded_at=None,
        disputed_at=None,
        **vars(draft),
    )
