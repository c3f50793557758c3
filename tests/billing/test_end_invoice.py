"""The two other ends of an open invoice: void, and written off; and the payment that comes after all."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import audit_log
from autorisen.billing import CreditRequest, InvoiceStatus, Wanted
from autorisen.billing.credit_notes.errors import NotCreditable
from autorisen.billing.errors import NotOpen, PaymentUnderWay, ReasonMissing
from autorisen.kit.money import Money
from tests.factories.billing import Shop, a_draft_like
from tests.factories.credit_notes import credit, now, open_invoice, paid_invoice, part
from tests.factories.payments import facts


async def void(shop: Shop, id: UUID, reason: str = "sent twice") -> None:
    async with shop.runtime.unit() as unit:
        await billing.void_invoice(unit, id, reason=reason, actor="tests")
    await shop.worker.drain()


async def write_off(shop: Shop, id: UUID, reason: str = "insolvent") -> None:
    async with shop.runtime.unit() as unit:
        await billing.write_off_invoice(unit, id, reason=reason, actor="tests")
    await shop.worker.drain()


async def test_a_void_invoice_keeps_its_number_and_says_why(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    earned = await shop.balance("revenue:subscription")
    await void(shop, invoice.id, " sent twice ")
    after = await now(shop, customer)
    assert (after.number, after.status, after.end_reason) == (invoice.number, InvoiceStatus.VOID, "sent twice")
    assert after.amount_due.minor == 0
    assert await shop.balance(f"receivable:{customer.id}") == 0
    assert await shop.balance("revenue:subscription") == earned + 46_000
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE
    async with shop.runtime.database.read() as tx:
        entry = (await audit_log(tx, target=invoice.public_id))[0]
    assert (entry.action, entry.detail["reason"]) == ("invoice.voided", "sent twice")
    (fact,) = await facts(shop.runtime, "InvoiceVoided")
    assert fact["number"] == invoice.number
    # Nothing of it is billed again.
    await shop.advance(days=31)
    assert [line.kind for line in (await now(shop, customer)).lines] == ["flat_fee"]
    with pytest.raises(NotOpen, match="is void"):
        await void(shop, invoice.id)


async def test_ended_invoices_leave_nothing_unexplained(shop: Shop) -> None:
    """The usage of a void invoice was billed and taken back on purpose; of a lost one, nothing is missing."""
    _, invoice = await open_invoice(shop)
    for end in (write_off, void):
        async with shop.runtime.unit() as unit:
            other = await billing.issue_invoice(unit, a_draft_like(invoice, lines=invoice.lines[1:]))
        await end(shop, other.id)
    await void(shop, invoice.id)
    report = await billing.audit(shop.runtime, actor="tests")
    assert (report.findings, report.cents) == (0, 0), report.document


async def test_a_void_invoice_gives_back_the_credits_that_paid_a_part(shop: Shop) -> None:
    customer, first = await paid_invoice(shop)
    await credit(shop, first, CreditRequest("kept", Wanted(amount=Money(20_000, "ZAR")), billing.Settlement.CREDIT))
    async with shop.runtime.unit() as unit:
        invoice = await billing.issue_invoice(unit, a_draft_like(first))
    assert (invoice.status, invoice.credits.minor) == (InvoiceStatus.OPEN, 20_000)
    await void(shop, invoice.id)
    assert await shop.balance(f"wallet:{customer.id}") == -20_000
    assert await shop.balance(f"receivable:{customer.id}") == 0


async def test_a_bad_debt_takes_its_vat_back_and_a_late_payment_gives_it_again(shop: Shop) -> None:
    """VAT Act s22: relief for what is written off, of which the VAT is due again once it is paid."""
    customer, invoice = await open_invoice(shop)
    await credit(shop, invoice, part(10_000))
    open_now = await now(shop, customer)
    vat = await shop.balance("tax:vat_output")
    await write_off(shop, invoice.id)
    lost = await now(shop, customer)
    assert (lost.status, lost.end_reason, lost.amount_due) == (
        InvoiceStatus.UNCOLLECTIBLE,
        "insolvent",
        open_now.amount_due,
    )
    assert await shop.balance(f"receivable:{customer.id}") == 0
    relief = open_now.tax.minor - open_now.credited_tax.minor
    assert await shop.balance("tax:vat_output") == vat + relief
    assert await shop.balance("expense:bad_debt") == open_now.amount_due.minor - relief
    (fact,) = await facts(shop.runtime, "InvoiceWrittenOff")
    assert fact["amount_minor"] == open_now.amount_due.minor
    with pytest.raises(NotCreditable):
        await credit(shop, lost)
    await shop.advance(days=3)
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.pay(checkout.url)
    paid = await now(shop, customer)
    assert (paid.status, paid.amount_paid) == (InvoiceStatus.PAID, open_now.amount_due)
    assert paid.written_off_at == shop.clock.now() - timedelta(days=3)
    assert await shop.balance("tax:vat_output") == vat
    for account in (f"receivable:{customer.id}", "expense:bad_debt"):
        assert await shop.balance(account) == 0


async def test_what_can_not_be_ended_stays_as_it_is(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    for reason in ("", " ", "x" * 501):
        with pytest.raises(ReasonMissing):
            await void(shop, invoice.id, reason)
        with pytest.raises(ReasonMissing):
            await write_off(shop, invoice.id, reason)
    with pytest.raises(billing.InvoiceNotFound):
        await void(shop, UUID(int=1))
    with pytest.raises(NotOpen, match="is paid"):
        await write_off(shop, (await shop.invoices(customer))[0].id)
    await credit(shop, invoice, part(100))
    with pytest.raises(NotOpen, match="credited"):
        await void(shop, invoice.id)
    await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    with pytest.raises(PaymentUnderWay):
        await write_off(shop, invoice.id)
    assert (await now(shop, customer)).status is InvoiceStatus.OPEN
