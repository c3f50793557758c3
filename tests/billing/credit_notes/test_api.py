"""Credit notes by the machine interface: what it says, whom it tells, and what it refuses."""

from __future__ import annotations

import io
from uuid import UUID

import pytest
from pypdf import PdfReader

from autorisen.accounts import Customer
from autorisen.billing import Invoice, credit_document, credit_note_pdf
from autorisen.kit.ids import public_id
from autorisen.kit.mail import mails
from tests.factories.accounts import make_key, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.credit_notes import credit, now, open_invoice, paid_invoice, part

Headers = dict[str, str]


async def keys(shop: Shop, customer: Customer) -> tuple[Headers, Headers]:
    async with shop.runtime.unit() as unit:
        return await make_key(unit, None), await make_key(unit, customer.id)


def line_of(invoice: Invoice, position: int) -> str:
    id = invoice.lines[position].id
    assert id is not None
    return public_id("iln", id)


async def test_an_operator_looks_first_and_then_takes_back(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    operator, member = await keys(shop, customer)
    at = f"/api/invoices/{invoice.public_id}/credit-notes"
    lines = [{"line": line_of(invoice, 0), "amount_minor": 5_000}]
    preview = await shop.client.post(f"{at}/preview", json={"lines": lines}, headers=operator)
    assert (preview.status_code, preview.json()["total_minor"], preview.json()["due_minor"]) == (200, 5_000, 5_000)
    made = await shop.client.post(at, json={"lines": lines, "reason": "half failed"}, headers=operator)
    assert (made.status_code, made.json()["number"], made.json()["settlement"]) == (201, "CN-2026-00001", "due")
    assert made.json()["lines"] == preview.json()["lines"]
    await shop.client.post(at, json={"amount_minor": 100, "reason": "and a bit"}, headers=operator)
    listed = (await shop.client.get("/api/credit-notes?limit=1", headers=member)).json()
    assert [each["number"] for each in listed["credit_notes"]] == ["CN-2026-00002"]
    rest = await shop.client.get(
        f"/api/credit-notes?after={listed['next']}&invoice={invoice.public_id}&customer=acme",
        headers=operator,
    )
    assert ([each["number"] for each in rest.json()["credit_notes"]], rest.json()["next"]) == (["CN-2026-00001"], None)
    one = await shop.client.get(f"/api/credit-notes/{made.json()['id']}", headers=member)
    assert one.json() == made.json()
    document = await shop.client.get(f"/api/credit-notes/{made.json()['id']}.pdf", headers=member)
    text = PdfReader(io.BytesIO(document.content)).pages[0].extract_text().replace("\u00a0", " ")
    for asked in (
        "Credit note",
        "CN-2026-00001",
        "INV-2026-00002",
        "half failed",
        "VAT number 4123456789",
        "R50,00",
        "R6,52",
        "taken off what was due",
        "a part of R125,00",
    ):
        assert asked in text, asked
    await shop.worker.drain()
    async with shop.runtime.database.read() as tx:
        told = [each.message for each in await mails(tx, recipient=customer.email)]
    note = next(each for each in told if "CN-2026-00001" in each.subject)
    assert "half failed" in note.text
    assert note.attachments[0].filename == "CN-2026-00001.pdf"


@pytest.mark.parametrize(
    "body, status, field",
    [
        ({"reason": "x", "amount_minor": 65_401}, 422, "/amount_minor"),
        ({"reason": "x", "amount_minor": 1.5}, 422, "/amount_minor"),
        ({"reason": "x", "amount_minor": 1, "lines": []}, 422, "/amount_minor"),
        ({"reason": "x", "lines": [{"line": "iln_x", "amount_minor": 1}]}, 422, "/lines/0/line"),
        ({"reason": "", "amount_minor": 1}, 422, "/reason"),
        ({"amount_minor": 1}, 422, "/reason"),
        ({"reason": "x", "settlement": "gift"}, 422, "/settlement"),
        ({"reason": "x", "number": "CN-1"}, 422, "/number"),
    ],
)
async def test_what_can_not_be_read_is_said_by_field(shop: Shop, body: object, status: int, field: str) -> None:
    customer, invoice = await open_invoice(shop)
    operator, _ = await keys(shop, customer)
    answer = await shop.client.post(f"/api/invoices/{invoice.public_id}/credit-notes", json=body, headers=operator)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


async def test_a_line_is_named_once(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    operator, _ = await keys(shop, customer)
    line = {"line": line_of(invoice, 0), "amount_minor": 1}
    answer = await shop.client.post(
        f"/api/invoices/{invoice.public_id}/credit-notes", json={"reason": "x", "lines": [line, line]}, headers=operator
    )
    assert answer.json()["errors"][0] == {"field": "/lines/1/line", "rule": "must be named once"}


async def test_customers_take_nothing_back_and_see_their_own_only(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    note = await credit(shop, invoice, part(100))
    _, member = await keys(shop, customer)
    for path, body in (
        ("credit-notes", {"reason": "x"}),
        ("credit-notes/preview", {}),
        ("void", {"reason": "x"}),
        ("write-off", {"reason": "x"}),
    ):
        refused = await shop.client.post(f"/api/invoices/{invoice.public_id}/{path}", json=body, headers=member)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), path
    _, stranger = await keys(shop, await shop.customer("other"))
    for path in (
        f"credit-notes/{note.public_id}",
        f"credit-notes/{note.public_id}.pdf",
        f"credit-notes?invoice={invoice.public_id}",
        f"credit-notes/{public_id('crn', UUID(int=1))}",
        "credit-notes/crn_x",
    ):
        assert (await shop.client.get(f"/api/{path}", headers=stranger)).status_code == 404, path
    assert (await shop.client.get("/api/credit-notes", headers=stranger)).json()["credit_notes"] == []
    bad = await shop.client.get("/api/credit-notes?after=x", headers=stranger)
    assert bad.json()["errors"][0]["field"] == "query/after"


async def test_open_invoices_are_ended_by_api(shop: Shop) -> None:
    customer, invoice = await open_invoice(shop)
    operator, _ = await keys(shop, customer)
    await shop.advance(days=31)
    second = await now(shop, customer)
    void = await shop.client.post(
        f"/api/invoices/{invoice.public_id}/void", json={"reason": "sent twice"}, headers=operator
    )
    lost = await shop.client.post(
        f"/api/invoices/{second.public_id}/write-off", json={"reason": "gone"}, headers=operator
    )
    assert (void.json()["status"], lost.json()["status"]) == ("void", "uncollectible")
    again = await shop.client.post(
        f"/api/invoices/{invoice.public_id}/void", json={"reason": "sent twice"}, headers=operator
    )
    assert (again.status_code, again.json()["code"]) == (409, "invoice_not_open")


async def test_the_customer_sees_what_was_taken_back_beside_the_invoice(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    note = await credit(shop, invoice, part(20_000))
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id, email="ann@acme.example")
    await sign_in(shop.client, shop.runtime, "ann@acme.example")
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text
    for text in ("CN-2026-00001", "a part of it", "-R200,00", "Credited R200,00"):
        assert text in page, text
    document = await shop.client.get(f"/app/credit-notes/{note.public_id}.pdf")
    assert document.headers["content-disposition"] == 'inline; filename="CN-2026-00001.pdf"'
    other = public_id("crn", UUID(int=1))
    assert (await shop.client.get(f"/app/credit-notes/{other}.pdf")).status_code == 404
    await credit(shop, invoice)
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text
    assert "Refunded" in page
    stranger = await shop.customer("other")
    async with shop.runtime.unit() as unit:
        await make_member(unit, stranger.id, email="ann@other.example")
    await sign_in(shop.client, shop.runtime, "ann@other.example")
    assert (await shop.client.get(f"/app/credit-notes/{note.public_id}.pdf")).status_code == 404


async def test_where_no_vat_was_charged_none_is_taken_back(shop: Shop) -> None:
    customer = await shop.customer("abroad", country="DE", currency="USD")
    await shop.upgrade(customer)
    (invoice,) = await shop.invoices(customer)
    note = await credit(shop, invoice)
    assert (note.tax.minor, str(note.total)) == (0, "USD 29.00")
    async with shop.runtime.database.read() as tx:
        document = await credit_document(tx, note.id)
    text = PdfReader(io.BytesIO(credit_note_pdf(document))).pages[0].extract_text()
    assert "charged no VAT" in text
    assert await shop.balance("revenue:subscription", "USD") == 0
