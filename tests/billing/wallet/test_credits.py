"""Credits are granted once, drawn before anything is charged, expire at their instant, and always match the books."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import UUID

import pytest
from pypdf import PdfReader

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.billing import InvoiceStatus, wallet
from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.wallet import GrantKind, MovementKind
from autorisen.billing.wallet.expire_credits import expire_grant, warn_of_expiry
from autorisen.kit.money import Money
from tests.factories.billing import Shop
from tests.factories.payments import facts
from tests.factories.wallet import Purse


async def test_an_invoice_is_paid_from_credits_and_the_rest_is_due(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await purse.give(20_000)
    await purse.give(15_000, GrantKind.PAID)
    invoice = await purse.invoice(50_000)
    assert (invoice.credits, invoice.amount_due) == (Money(35_000, "ZAR"), Money(15_000, "ZAR"))
    assert invoice.status is InvoiceStatus.OPEN
    assert await purse.left() == [0, 0]
    assert await purse.balance() == 0
    assert await shop.balance(f"receivable:{customer.id}") == 15_000
    # What is paid is the rest and nothing else.
    checkout = await billing.pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    await shop.pay(checkout.url)
    paid = (await shop.invoices(customer))[-1]
    assert (paid.status, paid.amount_paid, paid.credits) == (InvoiceStatus.PAID, paid.total, invoice.credits)
    assert await shop.balance(f"receivable:{customer.id}") == 0
    assert await shop.at_gateway() == 30_000
    receipt = (await purse.mails())[-1]
    assert "your payment of R150,00" in receipt.text.replace("\u00a0", "")
    assert "R350,00 came from your prepaid credits" in receipt.text.replace("\u00a0", "")


async def test_a_covered_invoice_is_paid_at_once_without_a_gateway(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await purse.give(60_000)
    invoice = await purse.invoice(52_900)
    assert (invoice.status, invoice.paid_at) == (InvoiceStatus.PAID, shop.clock.now())
    await shop.worker.drain()
    assert (await shop.invoices(customer))[-1] == invoice
    async with shop.runtime.database.read() as tx:
        assert await payments.payments_for(tx, invoice.reference) == []
    assert await purse.balance() == 7_100
    assert "paid from your prepaid credits" in (await purse.mails())[-1].text
    text = PdfReader(io.BytesIO(invoice_pdf(invoice))).pages[0].extract_text().replace("\u00a0", " ")
    assert "Paid from prepaid credits" in text
    assert "-R529,00" in text


async def test_the_close_charges_the_card_only_for_what_credits_leave(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await shop.upgrade(customer)
    await purse.give(40_000)
    await shop.advance(days=31, hours=2)
    invoice = (await shop.invoices(customer))[-1]
    assert (invoice.status, invoice.credits) == (InvoiceStatus.PAID, Money(40_000, "ZAR"))
    async with shop.runtime.database.read() as tx:
        (payment,) = await payments.payments_for(tx, invoice.reference)
    assert payment.amount == Money(12_900, "ZAR")
    await purse.give(52_900)
    await shop.advance(days=31)
    covered = (await shop.invoices(customer))[-1]
    assert (covered.id != invoice.id, covered.status, covered.credits) == (True, InvoiceStatus.PAID, covered.total)
    async with shop.runtime.database.read() as tx:
        assert await payments.payments_for(tx, covered.reference) == []
    assert await purse.balance() == 0


async def test_credits_of_another_currency_stay(purse: Purse) -> None:
    await purse.give(9_000, currency="USD")
    assert not (await purse.invoice(50_000)).credits
    assert await purse.balance("USD") == 9_000


async def test_drawn_are_the_first_by_priority_then_expiry_then_age(purse: Purse) -> None:
    await purse.give(100, GrantKind.PAID)
    await purse.give(100, days=20)
    await purse.give(100, days=10)
    await purse.give(100, days=10)
    await purse.give(100, GrantKind.GOODWILL, priority=0)
    await purse.invoice(350)
    assert await purse.left() == [100, 50, 0, 0, 0]


async def test_one_source_grants_once(shop: Shop, customer: Customer, purse: Purse) -> None:
    first = await purse.give(500, source="credit_note:1", kind=GrantKind.GOODWILL)
    assert await purse.give(500, source="credit_note:1", kind=GrantKind.GOODWILL) == first
    assert await purse.balance() == 500
    with pytest.raises(wallet.SourceTaken):
        await purse.give(501, source="credit_note:1", kind=GrantKind.GOODWILL)
    await shop.worker.drain()
    assert [each["amount_minor"] for each in await facts(shop.runtime, "CreditsGranted")] == [500]


async def test_a_credit_note_brings_its_own_posting(shop: Shop, customer: Customer, purse: Purse) -> None:
    await purse.give(500, GrantKind.CREDIT_NOTE)
    assert await purse.left() == [500]
    assert await shop.balance(f"wallet:{customer.id}") == 0


@pytest.mark.parametrize(
    "change, field",
    [
        ({"amount": Money(0, "ZAR")}, "/amount_minor"),
        ({"amount": Money(-1, "ZAR")}, "/amount_minor"),
        ({"amount": Money(10**12, "ZAR")}, "/amount_minor"),
        ({"priority": 101}, "/priority"),
        ({"priority": -1}, "/priority"),
        ({"reason": "x" * 501}, "/reason"),
        ({"days": 0}, "/expires_at"),
        ({"days": 3 * 366 - 1, "kind": GrantKind.PAID}, "/expires_at"),
    ],
)
async def test_hostile_terms_are_refused(
    shop: Shop, customer: Customer, purse: Purse, change: dict[str, object], field: str
) -> None:
    values = {"kind": GrantKind.GOODWILL, "amount": Money(1, "ZAR"), "source": "x", "paid_by": "clearing:sandbox"}
    values |= {name: value for name, value in change.items() if name != "days"}
    if "days" in change:
        values["expires_at"] = shop.clock.now() + timedelta(days=change["days"])  # type: ignore[arg-type]  # it is a number
    with pytest.raises(wallet.GrantRefused) as refused:
        async with shop.runtime.unit() as unit:
            await wallet.grant(unit, customer_id=customer.id, **values)  # type: ignore[arg-type]  # one field of it
    assert [error.field for error in refused.value.errors] == [field]
    assert await purse.balance() == 0


async def test_credits_expire_at_their_instant_and_a_week_before_their_owner_is_told(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await purse.give(3_000, days=10)
    await purse.give(2_000, days=3)
    await shop.advance(days=2, hours=23.9)
    assert await purse.left() == [3_000, 2_000]
    assert [each.subject for each in await purse.mails() if "expire" in each.subject] == []
    await shop.advance(hours=0.2)
    assert await purse.left() == [3_000, 0]
    (told,) = [each for each in await purse.mails() if "expire" in each.subject]
    assert told.subject.replace("\u00a0", "") == "R30,00 of your credits expire soon"
    assert "11 March 2026, 10:00 (Africa/Johannesburg)" in told.text
    assert "https://testserver/app/credits" in told.text
    await shop.advance(days=8)
    assert await purse.balance() == 0
    assert await shop.balance("expense:promotions") == 0
    assert [each.kind for each in await purse.movements()][2:] == [MovementKind.EXPIRE] * 2


async def test_paid_credits_that_expire_are_income(shop: Shop, customer: Customer, purse: Purse) -> None:
    await purse.give(3_000, GrantKind.PAID, days=3 * 366)
    await shop.advance(days=3 * 366)
    assert await purse.balance() == 0
    assert await shop.balance("revenue:breakage") == -3_000


async def test_expired_credits_are_not_drawn_before_their_job_has_run(shop: Shop, purse: Purse) -> None:
    grant = await purse.give(3_000, days=1)
    shop.clock.advance(timedelta(days=1))
    assert not (await purse.invoice(1_000)).credits
    async with shop.runtime.unit() as unit:
        await warn_of_expiry(unit, grant.id)
    assert await purse.mails() == []


async def test_expiring_too_early_or_twice_changes_nothing(shop: Shop, purse: Purse) -> None:
    grant = await purse.give(3_000, days=1)
    async with shop.runtime.unit() as unit:
        await expire_grant(unit, grant.id)
    assert await purse.balance() == 3_000
    await shop.advance(days=1)
    async with shop.runtime.unit() as unit:
        await expire_grant(unit, grant.id)
    assert len(await purse.movements()) == 2


async def test_a_void_invoice_gives_its_draws_back_with_the_time_they_were_tied_up(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    await purse.give(1_000, days=5)
    await purse.give(1_000)
    invoice = await purse.invoice(1_800)
    assert invoice.number is not None
    await shop.advance(days=20)
    async with shop.runtime.unit() as unit:
        back = await wallet.return_draws(unit, customer_id=customer.id, invoice_id=invoice.id, number=invoice.number)
    assert back == Money(1_800, "ZAR")
    assert await purse.balance() == 2_000
    async with shop.runtime.unit() as unit:
        assert await wallet.return_draws(unit, customer_id=customer.id, invoice_id=invoice.id, number="x") is None
    await shop.advance(days=4.9)
    assert await purse.left() == [1_000, 1_000]
    await shop.advance(days=0.2)
    assert await purse.left() == [0, 1_000]
    assert await purse.balance() == 1_000


async def test_an_invoice_without_draws_gives_nothing_back(shop: Shop, customer: Customer, purse: Purse) -> None:
    invoice = await purse.invoice(1_800)
    async with shop.runtime.unit() as unit:
        assert await wallet.return_draws(unit, customer_id=customer.id, invoice_id=invoice.id, number="x") is None


async def test_what_was_given_can_be_taken_back_and_what_was_paid_can_not(
    shop: Shop, customer: Customer, purse: Purse
) -> None:
    given = await purse.give(1_000)
    paid = await purse.give(1_000, GrantKind.PAID)
    await purse.invoice(300)
    async with shop.runtime.unit() as unit:
        after = await wallet.void_grant(unit, given.id, customer_id=customer.id, reason="a mistake")
    assert after.remaining == Money(0, "ZAR")
    assert await purse.left() == [0, 1_000]
    assert await purse.balance() == 1_000
    assert await shop.balance("expense:promotions") == 300
    for id, reason, error in (
        (given.id, "again", wallet.NotVoidable),
        (paid.id, "mine", wallet.NotVoidable),
        (UUID(int=9), "who", wallet.GrantNotFound),
    ):
        with pytest.raises(error):
            async with shop.runtime.unit() as unit:
                await wallet.void_grant(unit, id, reason=reason)
    other = await purse.give(5)
    for owner, reason, refusal in ((UUID(int=9), "x", wallet.GrantNotFound), (None, " ", wallet.GrantRefused)):
        with pytest.raises(refusal):
            async with shop.runtime.unit() as unit:
                await wallet.void_grant(unit, other.id, customer_id=owner, reason=reason)


async def test_a_fall_is_told_with_the_balance_before_and_after(shop: Shop, customer: Customer, purse: Purse) -> None:
    await purse.give(1_000)
    await purse.give(500, days=1)
    await purse.invoice(600)
    await shop.advance(days=1)
    told = await facts(shop.runtime, "CreditsFell")
    assert [(each["before_minor"], each["after_minor"]) for each in told] == [(1_500, 900)]
