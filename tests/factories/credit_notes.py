"""Invoices to take back, and credit notes of them."""

from __future__ import annotations

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.billing import CreditNote, CreditRequest, Invoice, Wanted
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.payments import FAILS_LATER, SUCCEEDS

WHOLE = CreditRequest("wrong plan sold")


def part(minor: int) -> CreditRequest:
    return CreditRequest("a part of it", Wanted(amount=Money(minor, "ZAR")))


async def credit(shop: Shop, invoice: Invoice, request: CreditRequest = WHOLE) -> CreditNote:
    async with shop.runtime.unit() as unit:
        note = await billing.issue_credit_note(unit, invoice.id, request, actor="tests")
    await shop.worker.drain()
    return note


async def paid_invoice(shop: Shop, card: str = SUCCEEDS) -> tuple[Customer, Invoice]:
    customer = await shop.customer()
    await shop.upgrade(customer, card=card)
    return customer, (await shop.invoices(customer))[-1]


async def open_invoice(shop: Shop) -> tuple[Customer, Invoice]:
    """Usage and fee, whose charge failed."""
    customer = await shop.customer()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=5)
    await shop.use(customer, 2_500)
    await shop.advance(days=26, hours=2)
    return customer, (await shop.invoices(customer))[-1]


async def now(shop: Shop, customer: Customer) -> Invoice:
    return (await shop.invoices(customer))[-1]


async def the_payment(shop: Shop, invoice: Invoice) -> payments.Payment:
    async with shop.runtime.database.read() as tx:
        return (await payments.payments_for(tx, invoice.reference))[-1]
