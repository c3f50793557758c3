"""The customer's pages, as a browser asks for them."""

from __future__ import annotations

import io

import httpx
from pypdf import PdfReader

from autorisen import subscriptions
from autorisen.accounts import Customer
from autorisen.billing import issue_invoice, pay_invoice
from autorisen.kit.ids import public_id
from tests.factories.accounts import make_customer, make_member, sign_in
from tests.factories.billing import Shop, a_draft_like
from tests.factories.payments import DECLINED, FAILS_LATER


async def _member(shop: Shop, key: str = "acme") -> Customer:
    customer = await shop.customer(key)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id, email=f"ann@{key}.example")
    await sign_in(shop.client, shop.runtime, f"ann@{key}.example")
    return customer


async def test_a_visitor_is_sent_to_the_sign_in(client: httpx.AsyncClient) -> None:
    for path in (
        "/app/invoices",
        "/app/billing",
        "/app/billing/cancel",
        "/app/invoices/inv_x",
        "/app/invoices/inv_x.pdf",
    ):
        answer = await client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


async def test_empty_states_teach(shop: Shop) -> None:
    await _member(shop)
    invoices = await shop.client.get("/app/invoices")
    assert "No invoices yet" in invoices.text
    assert "/pricing" in invoices.text
    page = await shop.client.get("/app/billing")
    assert "No card saved" in page.text
    assert "Change, pause or leave" not in page.text


async def test_an_invoice_shows_its_lines_totals_document_and_history(shop: Shop) -> None:
    customer = await _member(shop)
    await shop.upgrade(customer)
    await shop.advance(days=2)
    await shop.use(customer, 2_100)
    billing = (await shop.client.get("/app/billing")).text
    assert "R25,00" in billing
    assert "R554,00" in billing
    assert "ending in 4242" in billing
    await shop.advance(days=29, hours=2)
    await sign_in(shop.client, shop.runtime)
    listed = (await shop.client.get("/app/invoices")).text
    assert listed.index("INV-2026-00002") < listed.index("INV-2026-00001")
    close = (await shop.invoices(customer))[1]
    page = (await shop.client.get(f"/app/invoices/{close.public_id}")).text
    for text in (
        "Tax invoice",
        "2\u00a0100",
        "2\u00a0000 of them included",
        "R0,25 per execution",
        "R554,00",
        "VAT 15 %",
        "Paid",
    ):
        assert text in page, text
    assert "/pay" not in page
    document = await shop.client.get(f"/app/invoices/{close.public_id}.pdf")
    assert document.headers["content-type"] == "application/pdf"
    assert document.headers["content-disposition"] == 'inline; filename="INV-2026-00002.pdf"'
    assert "INV-2026-00002" in PdfReader(io.BytesIO(document.content)).pages[0].extract_text()


async def test_an_open_invoice_is_paid_from_its_page(shop: Shop) -> None:
    customer = await _member(shop)
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    await sign_in(shop.client, shop.runtime)
    invoice = (await shop.invoices(customer))[1]
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text
    assert "Payment failed" in page
    billing = (await shop.client.get("/app/billing")).text
    assert "waits for its payment" in billing
    assert "Past due" in billing
    assert "goes on when what is due is paid" in billing
    assert f'href="/app/invoices/{invoice.public_id}">Look at it and pay' in billing
    answer = await shop.client.post(f"/app/invoices/{invoice.public_id}/pay")
    assert answer.status_code == 303
    paid = await shop.pay(answer.headers["location"])
    back = paid.headers["location"]
    assert back.startswith(f"https://testserver/app/invoices/{invoice.public_id}?checkout=chk_")
    done = await shop.client.get(back)
    assert (done.status_code, done.headers["location"]) == (303, f"/app/invoices/{invoice.public_id}")
    page = (await shop.client.get(done.headers["location"])).text
    assert "Your payment has arrived" in page
    again = await shop.client.post(f"/app/invoices/{invoice.public_id}/pay", headers={"Accept": "application/json"})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_pay")
    assert (await shop.subscription(customer)).status is subscriptions.Status.ACTIVE


async def test_the_page_waits_for_the_gateways_word(shop: Shop) -> None:
    customer = await _member(shop)
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=31, hours=2)
    await sign_in(shop.client, shop.runtime)
    invoice = (await shop.invoices(customer))[1]
    checkout = await pay_invoice(shop.runtime, customer_id=customer.id, invoice_id=invoice.id)
    here = f"/app/invoices/{invoice.public_id}?checkout={public_id('chk', checkout.id)}"
    page = await shop.client.get(here)
    assert "being confirmed" in page.text
    partial = await shop.client.get(here, headers={"HX-Request": "true"})
    assert "every 2s" in partial.text
    assert "<html" not in partial.text
    declined = await shop.pay(checkout.url, DECLINED)
    assert declined.status_code == 402
    await shop.pay(checkout.url)
    done = await shop.client.get(here, headers={"HX-Request": "true"})
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, f"/app/invoices/{invoice.public_id}")
    unknown = await shop.client.get(f"/app/invoices/{invoice.public_id}?checkout=chk_nonsense")
    assert "being confirmed" not in unknown.text


async def test_cancel_asks_first_and_can_be_taken_back(shop: Shop) -> None:
    customer = await _member(shop)
    await shop.upgrade(customer)
    asked = await shop.client.get("/app/billing/cancel")
    assert "Cancel Pro?" in asked.text
    assert not (await shop.subscription(customer)).cancel_at_period_end
    answer = await shop.client.post("/app/billing/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/billing")
    page = (await shop.client.get("/app/billing")).text
    assert "Keep Pro" in page
    assert (await shop.subscription(customer)).cancel_at_period_end
    await shop.client.post("/app/billing/resume")
    assert not (await shop.subscription(customer)).cancel_at_period_end
    assert "Change, pause or leave" in (await shop.client.get("/app/billing")).text


async def test_anothers_invoice_is_like_none(shop: Shop) -> None:
    other = await shop.customer("other")
    await shop.upgrade(other)
    (theirs,) = await shop.invoices(other)
    await _member(shop)
    for path in (theirs.public_id, f"{theirs.public_id}.pdf", public_id("inv", other.id), "inv_nonsense"):
        answer = await shop.client.get(f"/app/invoices/{path}", headers={"Accept": "application/json"})
        assert answer.status_code == 404, path
    refused = await shop.client.post(f"/app/invoices/{theirs.public_id}/pay", headers={"Accept": "application/json"})
    assert refused.status_code == 404
    assert "No invoices yet" in (await shop.client.get("/app/invoices?after=nonsense")).text


async def test_a_long_list_has_pages(shop: Shop) -> None:
    customer = await _member(shop)
    await shop.upgrade(customer)
    (first,) = await shop.invoices(customer)
    async with shop.runtime.unit() as unit:
        for _ in range(26):
            await issue_invoice(unit, a_draft_like(first))
    page = (await shop.client.get("/app/invoices")).text
    assert page.count(".pdf") == 25
    assert "INV-2026-00027" in page
    assert "INV-2026-00002" not in page
    older = page.partition('href="/app/invoices?after=')[2].partition('"')[0]
    second = (await shop.client.get(f"/app/invoices?after={older}")).text
    assert second.count(".pdf") == 2
    assert "INV-2026-00001" in second


async def test_a_page_before_the_plan_has_begun_says_so(shop: Shop) -> None:
    async with shop.runtime.unit() as unit:
        customer = await make_customer(unit)
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    answer = await shop.client.get("/app/billing", headers={"Accept": "text/html"})
    assert answer.status_code == 409
    assert "being set up" in answer.text
