"""The page of an invoice for whoever has its link: what it opens, in which state, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from autorisen import billing, payments
from autorisen.accounts import Customer
from autorisen.billing import Invoice, InvoiceStatus, invoice_url
from autorisen.billing.errors import LinkNotValid
from autorisen.billing.hosted_page import hosted_status
from autorisen.billing.invoice_link import hosted_path, invoice_token, read_token
from autorisen.kit.ids import public_id
from autorisen.kit.mail import mails
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import START, Shop, a_draft, a_line, an_invoice
from tests.factories.credit_notes import credit, now, open_invoice, paid_invoice

SECRET = "a-secret-key-for-tests-only-0123456789"
ID = UUID("01890000-0000-7000-8000-000000000001")
HTML = {"Accept": "text/html"}


def test_a_token_opens_its_invoice_and_no_other() -> None:
    token = invoice_token(ID, SECRET)
    assert len(token) == 48
    assert read_token(token, SECRET) == ID
    assert token != invoice_token(UUID(int=ID.int + 1), SECRET)


@pytest.mark.parametrize("position", range(0, 48, 5))
def test_a_changed_token_opens_nothing(position: int) -> None:
    token = invoice_token(ID, SECRET)
    changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
    with pytest.raises(LinkNotValid):
        read_token(changed, SECRET)


@pytest.mark.parametrize("text", ["", "x", "inv_01", "\u00e9" * 48, "A" * 48, "A" * 4_000, "....", ID.hex])
def test_what_is_no_token_opens_nothing(text: str) -> None:
    with pytest.raises(LinkNotValid):
        read_token(text, SECRET)


def test_another_installation_has_other_links() -> None:
    with pytest.raises(LinkNotValid):
        read_token(invoice_token(ID, SECRET), SECRET + "x")


def path_of(shop: Shop, invoice: Invoice) -> str:
    return hosted_path(invoice.id, shop.runtime.settings.secret_key)


async def page_of(shop: Shop, invoice: Invoice, query: str = "") -> httpx.Response:
    answer = await shop.client.get(path_of(shop, invoice) + query, headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    return answer


async def test_the_mail_has_a_link_that_pays_without_a_sign_in(shop: Shop) -> None:
    """Goal: from the mail about a charge that failed to a paid invoice, by somebody who has no account here."""
    customer, invoice = await open_invoice(shop)
    async with shop.runtime.database.read() as tx:
        told = [each.message.text for each in await mails(tx, recipient=customer.email)]
    link = invoice_url(invoice, shop.runtime.settings)
    assert any(link in text for text in told)
    assert re.fullmatch(r"https?://[^/]+/i/[A-Za-z0-9_-]{48}", link)
    page = await page_of(shop, invoice)
    assert "Pay R654,00" in page.text.replace("\u00a0", " ")
    assert str(invoice.number) in page.text
    started = await shop.client.post(f"{path_of(shop, invoice)}/pay")
    assert started.status_code == 303
    back = await shop.pay(started.headers["location"])
    assert back.headers["location"].partition("?")[0].endswith(path_of(shop, invoice))
    checkout = back.headers["location"].partition("checkout=")[2]
    done = await shop.client.get(f"{path_of(shop, invoice)}?checkout={checkout}", headers=HTML)
    assert (done.status_code, done.headers["location"]) == (303, path_of(shop, invoice))
    assert (await now(shop, customer)).status is InvoiceStatus.PAID
    paid = (await page_of(shop, invoice)).text
    assert "This invoice is paid" in paid
    assert "/pay" not in paid
    again = await shop.client.post(f"{path_of(shop, invoice)}/pay")
    assert again.status_code == 409


async def test_a_payment_that_came_to_nothing_is_said_with_a_way_on(shop: Shop) -> None:
    _, invoice = await open_invoice(shop)
    assert (await shop.client.post(f"{path_of(shop, invoice)}/pay")).status_code == 303
    async with shop.runtime.database.read() as tx:
        attempt = (await payments.payments_for(tx, invoice.reference))[-1]
        checkouts = "SELECT id FROM payments.checkouts WHERE payment_id = %s"
        row = await (await tx.execute(checkouts, (attempt.id,))).fetchone()
    assert row is not None
    query = f"?checkout={public_id('chk', row[0])}"
    waiting = await page_of(shop, invoice, query)
    assert "is being confirmed" in waiting.text
    partial = await shop.client.get(path_of(shop, invoice) + query, headers={"HX-Request": "true"})
    assert "is being confirmed" in partial.text
    assert "<html" not in partial.text
    async with shop.runtime.unit() as unit:
        fail = (
            "UPDATE payments.payments SET status = 'failed', failure_code = 'expired', failure_reason = 'Time ran out.'"
        )
        await unit.tx.execute(f"{fail} WHERE id = %s", (attempt.id,))
    failed = await page_of(shop, invoice, query)
    assert "did not go through" in failed.text
    assert "/pay" in failed.text


async def test_the_link_is_not_in_the_logs(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    _, invoice = await paid_invoice(shop)
    await page_of(shop, invoice)
    said = capsys.readouterr()
    assert "path=/i/{token}" in said.out + said.err
    assert path_of(shop, invoice) not in said.out + said.err


async def test_its_document_is_the_same_as_inside(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop)
    document = await shop.client.get(f"{path_of(shop, invoice)}.pdf")
    assert (document.status_code, document.headers["content-type"]) == (200, "application/pdf")
    assert document.content == billing.invoice_pdf(invoice)


async def ended(shop: Shop, invoice: Invoice, how: str) -> None:
    end = billing.void_invoice if how == "void" else billing.write_off_invoice
    async with shop.runtime.unit() as unit:
        await end(unit, invoice.id, reason="sent to the wrong firm", actor="tests")


async def test_an_overdue_one_says_since_when(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    assert "overdue" not in (await page_of(shop, invoice)).text
    await shop.advance(days=8)
    page = (await page_of(shop, await fetched(shop, customer, invoice))).text
    assert "This invoice is overdue" in page
    assert "/pay" in page


async def fetched(shop: Shop, customer: Customer, invoice: Invoice) -> Invoice:
    return next(each for each in await shop.invoices(customer) if each.id == invoice.id)


async def test_a_void_one_has_nothing_to_pay_and_says_why(shop: Shop) -> None:
    _, invoice = await open_invoice(shop)
    await ended(shop, invoice, "void")
    page = (await page_of(shop, invoice)).text
    assert "is void" in page
    assert "sent to the wrong firm" in page
    assert "/pay" not in page
    assert (await shop.client.post(f"{path_of(shop, invoice)}/pay")).status_code == 409


async def test_a_written_off_one_can_still_be_paid(shop: Shop) -> None:
    _, invoice = await open_invoice(shop)
    await ended(shop, invoice, "write-off")
    page = (await page_of(shop, invoice)).text
    assert "long overdue" in page
    assert "/pay" in page


async def test_a_credited_one_names_its_credit_note(shop: Shop) -> None:
    _, invoice = await paid_invoice(shop)
    note = await credit(shop, invoice)
    page = (await page_of(shop, invoice)).text
    assert f"Credit note {note.number}" in page
    assert "/pay" not in page


async def test_a_forged_link_is_not_found_and_says_what_to_do(shop: Shop) -> None:
    _, invoice = await open_invoice(shop)
    forged = path_of(shop, invoice)[:-1] + ("A" if not path_of(shop, invoice).endswith("A") else "B")
    for answer in (
        await shop.client.get(forged, headers=HTML),
        await shop.client.get(f"{forged}.pdf"),
        await shop.client.post(f"{forged}/pay"),
        await shop.client.get(f"/i/{invoice.public_id}", headers=HTML),
    ):
        assert answer.status_code == 404
    assert "ask whoever sent it" in (await shop.client.get(forged, headers=HTML)).text


async def test_a_draft_has_no_page(shop: Shop) -> None:
    customer = await shop.customer()
    await billing.start_upgrade(shop.runtime, customer_id=customer.id, plan_key="pro", interval="month")
    async with shop.runtime.database.read() as tx:
        row = await (await tx.execute("SELECT id FROM billing.invoices WHERE status = 'draft'")).fetchone()
    assert row is not None
    answer = await shop.client.get(hosted_path(row[0], shop.runtime.settings.secret_key), headers=HTML)
    assert answer.status_code == 404


async def test_api_and_console_give_the_link(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
        await make_user(unit, email="olga@operator.example", operator=True)
    link = invoice_url(invoice, shop.runtime.settings)
    assert (await shop.client.get(f"/api/invoices/{invoice.public_id}/link", headers=headers)).json() == {"url": link}
    await sign_in(shop.client, shop.runtime, "olga@operator.example")
    assert link in (await shop.client.get(f"/console/invoices/{invoice.public_id}")).text


def test_only_an_open_one_can_be_overdue() -> None:
    open_one = an_invoice(a_draft(a_line(100)))
    late = START + timedelta(days=30)
    assert hosted_status(open_one, late) == "overdue"
    assert hosted_status(open_one, START) == "open"
    assert hosted_status(replace(open_one, due_at=None), late) == "open"
    assert hosted_status(an_invoice(a_draft(a_line(100)), InvoiceStatus.PAID), late) == "paid"
