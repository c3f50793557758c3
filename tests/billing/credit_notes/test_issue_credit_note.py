"""Credit notes on the real database: once, in their own numbers, with their money, and never above the invoice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from autorisen import billing, payments, subscriptions
from autorisen.accounts import audit_log
from autorisen.billing import CreditRequest, InvoiceStatus, Settlement, Wanted
from autorisen.billing.credit_notes.errors import (
    NotCreditable,
    NothingToCredit,
    RefundImpossible,
    WrongCredit,
)
from autorisen.billing.errors import PaymentUnderWay
from autorisen.billing.upgrades.start_upgrade import preview_upgrade
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.credit_notes import credit, now, open_invoice, paid_invoice, part, the_payment
from tests.factories.payments import DISPUTED, facts


async def test_a_part_of_an_open_invoice_comes_off_what_is_due(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    usage, fee = invoice.lines
    assert usage.id is not None
    note = await credit(shop, invoice, CreditRequest("half the runs failed", Wanted(lines={usage.id: usage.amount})))
    assert (note.number, note.settlement, note.due) == ("CN-2026-00001", Settlement.DUE, note.total)
    assert (note.total.minor, note.tax) == (12_500, usage.tax)
    after = await now(shop, customer)
    assert (after.status, after.amount_due) == (InvoiceStatus.OPEN, fee.amount)
    assert await shop.balance(f"receivable:{customer.id}") == fee.amount.minor
    assert await shop.balance("revenue:usage") == 0
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.pay(checkout.url)
    paid = await now(shop, customer)
    assert (paid.status, paid.amount_paid, paid.amount_due.minor) == (InvoiceStatus.PAID, fee.amount, 0)
    assert await shop.balance(f"receivable:{customer.id}") == 0


async def test_the_whole_of_an_open_invoice_settles_it_without_thanks(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    assert (await shop.subscription(customer)).status is subscriptions.Status.PAST_DUE
    first = await credit(shop, invoice, part(10_000))
    rest = await credit(shop, invoice)
    assert (first.number, rest.number) == ("CN-2026-00001", "CN-2026-00002")
    assert first.total + rest.total == invoice.total
    assert first.tax + rest.tax == invoice.tax
    after = await now(shop, customer)
    assert (after.status, after.amount_paid.minor, after.amount_due.minor) == (InvoiceStatus.PAID, 0, 0)
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE
    for account in (f"receivable:{customer.id}", "revenue:usage"):
        assert await shop.balance(account) == 0
    assert len(await facts(shop.runtime, "InvoicePaid")) == 2
    with pytest.raises(NothingToCredit):
        await credit(shop, invoice)
    # Numbers of refused ones come back.
    assert [each["number"] for each in await facts(shop.runtime, "CreditNoteIssued")] == [first.number, rest.number]


async def test_what_was_paid_goes_back_through_the_gateway(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    note = await credit(shop, invoice, part(20_000))
    assert (note.settlement, note.due.minor, note.paid_part.minor) == (Settlement.REFUND, 0, 20_000)
    assert (await the_payment(shop, invoice)).refunded_minor == 20_000
    after = await now(shop, customer)
    assert (after.status, after.refunded_at, after.credited.minor) == (InvoiceStatus.PAID, None, 20_000)
    assert (await shop.subscription(customer)).plan_key == "pro"
    assert await shop.at_gateway() == 32_900
    assert await shop.balance(f"refunds:{customer.id}") == 0
    async with shop.runtime.database.read() as tx:
        entry = (await audit_log(tx, target=invoice.public_id))[0]
    assert (entry.action, entry.actor, entry.detail["number"]) == ("invoice.credited", "tests", "CN-2026-00001")
    await credit(shop, invoice)
    after = await now(shop, customer)
    assert (after.credited, after.refunded_at is not None) == (after.total, True)
    assert (await shop.subscription(customer)).plan_key == "free"
    assert await shop.at_gateway() == 0
    for account in (f"refunds:{customer.id}", "revenue:subscription", "tax:vat_output"):
        assert await shop.balance(account) == 0


async def test_a_refund_without_a_credit_note_is_explained_by_the_next_one(shop: Shop) -> None:
    """Money that went back on its own waits in `refunds`; the credit note takes it from there and sends no more."""
    customer, invoice = await paid_invoice(shop)
    payment = await the_payment(shop, invoice)
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, payment.id, amount=Money(30_000, "ZAR"), reference="by hand")
    await shop.worker.drain()
    assert await shop.balance(f"refunds:{customer.id}") == 30_000
    await credit(shop, invoice, part(10_000))
    assert await shop.balance(f"refunds:{customer.id}") == 20_000
    assert (await the_payment(shop, invoice)).refunded_minor == 30_000
    await credit(shop, invoice, part(25_000))
    assert (await the_payment(shop, invoice)).refunded_minor == 35_000
    assert await shop.balance(f"refunds:{customer.id}") == 0
    assert await shop.at_gateway() == 52_900 - 35_000


async def test_what_was_paid_can_stay_as_credit_for_the_next_invoice(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    request = replace(part(20_000), settlement=Settlement.CREDIT)
    note = await credit(shop, invoice, request)
    assert (note.settlement, note.paid_part.minor) == (Settlement.CREDIT, 20_000)
    assert await shop.balance(f"wallet:{customer.id}") == -20_000
    assert (await the_payment(shop, invoice)).refunded_minor == 0
    await shop.advance(days=31, hours=2)
    following = await now(shop, customer)
    assert (following.status, following.credits.minor) == (InvoiceStatus.PAID, 20_000)
    assert (await the_payment(shop, following)).amount.minor == following.total.minor - 20_000
    assert await shop.balance(f"wallet:{customer.id}") == 0
    # What credits paid is no money of a gateway: it can stay as credit again, and can't be sent back.
    with pytest.raises(RefundImpossible, match="not so much"):
        await credit(shop, following)
    kept = await credit(shop, following, CreditRequest("all", settlement=Settlement.CREDIT))
    assert kept.total == following.total
    assert await shop.balance(f"wallet:{customer.id}") == -following.total.minor


async def test_money_that_went_back_does_not_stay_as_credit_as_well(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop)
    payment = await the_payment(shop, invoice)
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, payment.id, amount=Money(30_000, "ZAR"), reference="by hand")
    await credit(shop, invoice, replace(part(10_000), settlement=Settlement.CREDIT))
    with pytest.raises(RefundImpossible, match=r"only ZAR 129\.00"):
        await credit(shop, invoice, replace(part(12_901), settlement=Settlement.CREDIT))
    with pytest.raises(WrongCredit) as raised:
        await credit(shop, invoice, replace(part(1), settlement=Settlement.DUE))
    assert raised.value.errors[0].field == "/settlement"
    await credit(shop, invoice, part(20_000))
    await credit(shop, invoice, replace(part(12_900), settlement=Settlement.CREDIT))


async def test_two_operators_at_once_take_back_no_more_than_there_is(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop)

    async def one(minor: int) -> str:
        try:
            async with shop.runtime.unit() as unit:
                note = await billing.issue_credit_note(unit, invoice.id, part(minor), actor="tests")
        except (WrongCredit, NothingToCredit) as refused:
            return refused.code
        return note.number

    said = await asyncio.gather(*(one(30_000) for _ in range(6)))
    assert sorted(said) == ["CN-2026-00001", *["wrong_credit"] * 5]
    await credit(shop, invoice)
    async with shop.runtime.database.read() as tx:
        notes = await billing.credit_notes_of(tx, invoice.id)
    assert sum(each.total.minor for each in notes) == invoice.total.minor
    assert sum(each.tax.minor for each in notes) == invoice.tax.minor


async def test_what_is_no_claim_is_not_taken_back(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    with pytest.raises(billing.InvoiceNotFound):
        await credit(shop, replace(invoice, id=UUID(int=1)))
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(WrongCredit) as raised:
            await credit(shop, invoice, CreditRequest(reason))
        assert raised.value.errors[0].field == "/reason"
    await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    with pytest.raises(PaymentUnderWay, match=r"ZAR 654\.00"):
        await credit(shop, invoice)


async def test_money_that_is_disputed_is_not_sent_back_as_well(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop, DISPUTED)
    await shop.advance(days=2)
    with pytest.raises(RefundImpossible, match="disputed"):
        await credit(shop, invoice)


async def test_a_fee_that_was_taken_back_is_not_credited_again_by_an_upgrade(shop: Shop) -> None:
    """No credit farming: what the customer got back is no unused time that was paid for."""
    customer, invoice = await paid_invoice(shop)
    await credit(shop, invoice, part(42_900))
    await shop.advance(days=15, hours=12)
    async with shop.runtime.unit() as unit:
        draft = await preview_upgrade(unit, customer_id=customer.id, plan_key="enterprise", interval="month")
    credit_line = draft.lines[1]
    assert -credit_line.amount.minor == 5_000


async def test_numbers_have_no_gap_although_some_are_rolled_back(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop)

    async def one(turn: int) -> None:
        try:
            async with shop.runtime.unit() as unit:
                await billing.issue_credit_note(unit, invoice.id, part(100), actor="tests")
                if turn % 3 == 0:
                    raise NotCreditable
        except NotCreditable:
            pass

    await asyncio.gather(*(one(turn) for turn in range(12)))
    async with shop.runtime.database.read() as tx:
        numbers = sorted(each.number for each in await billing.credit_notes_of(tx, invoice.id))
    assert numbers == [f"CN-2026-{number:05d}" for number in range(1, 9)]
