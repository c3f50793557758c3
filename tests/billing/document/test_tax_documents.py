"""What a tax invoice must show by its amount: each rule of the VAT Act by name, on the document itself."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader

from autorisen import billing
from autorisen.billing.document.invoice_pdf import invoice_pdf
from autorisen.billing.document.tax_documents import PARTICULARS, Form, form_of, missing_particulars
from autorisen.billing.model import Invoice, InvoiceStatus, TaxTerms, TaxTreatment
from tests.factories.accounts import make_key, make_member, make_user, sign_in
from tests.factories.billing import BUYER, SUPPLIER, VAT_15, Shop, a_draft, a_draft_like, a_line, an_invoice

UNREGISTERED = TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0))
EXPORT = TaxTerms(TaxTreatment.ZERO_RATED, Decimal(0))


def invoice_over(minor: int, terms: TaxTerms = VAT_15, currency: str = "ZAR", **changes: Any) -> Invoice:
    draft = replace(a_draft(a_line(minor, terms=terms, currency=currency), terms=terms, currency=currency), **changes)
    return an_invoice(draft)


def text_of(invoice: Invoice) -> str:
    (page,) = PdfReader(io.BytesIO(invoice_pdf(invoice))).pages
    return page.extract_text().replace("\u00a0", " ")


@pytest.mark.parametrize(
    "rule, minor, terms, currency, form",
    [
        ("s20(6): up to R50 a receipt is enough", 5_000, VAT_15, "ZAR", Form.NONE),
        ("s20(5): above R50 an abridged one", 5_001, VAT_15, "ZAR", Form.ABRIDGED),
        ("s20(5): R5 000 exactly is still abridged", 500_000, VAT_15, "ZAR", Form.ABRIDGED),
        ("s20(4): above R5 000 a full one", 500_001, VAT_15, "ZAR", Form.FULL),
        ("s20(1): only a vendor issues a tax invoice", 500_001, UNREGISTERED, "ZAR", Form.NONE),
        ("s11(2): an export in dollars has no amount in rand", 900_000, EXPORT, "USD", Form.ABRIDGED),
    ],
)
def test_the_amount_decides_the_form(rule: str, minor: int, terms: TaxTerms, currency: str, form: Form) -> None:
    assert form_of(invoice_over(minor, terms, currency)) is form, rule


NAMELESS = replace(a_line(600_000), description="")


@pytest.mark.parametrize(
    "changes, missing",
    [
        ({"supplier": replace(SUPPLIER, name="")}, ["s20(5)(b)"]),
        ({"supplier": replace(SUPPLIER, address="")}, ["s20(5)(b)"]),
        ({"supplier": replace(SUPPLIER, vat_number="")}, ["s20(5)(b)"]),
        ({"number": None}, ["s20(5)(c)"]),
        ({"issued_at": None}, ["s20(5)(c)"]),
        ({"lines": (NAMELESS,)}, ["s20(5)(d)"]),
        ({"lines": ()}, ["s20(5)(d)"]),
        ({"tax": invoice_over(1).tax}, ["s20(5)(e)"]),
        ({"customer": replace(BUYER, name="")}, ["s20(4)(c)"]),
        ({"customer": replace(BUYER, address="")}, ["s20(4)(c)"]),
        ({"customer": replace(BUYER, vat_number="")}, []),
        ({}, []),
    ],
)
def test_each_particular_is_missed_by_its_rule(changes: dict[str, Any], missing: list[str]) -> None:
    """Goal: an invoice over R6 000 that lacks one particular is found out, and one that lacks none is not."""
    full = replace(invoice_over(600_000), **changes)
    assert [each.rule for each in missing_particulars(full)] == missing


def test_below_the_limit_the_customer_need_not_be_named() -> None:
    assert missing_particulars(invoice_over(500_000, customer=replace(BUYER, name="", address=""))) == ()


def test_a_standard_rated_one_is_in_rand_and_an_export_need_not_be() -> None:
    assert [each.rule for each in missing_particulars(invoice_over(2_900, VAT_15, "USD"))] == ["s20(4)"]
    assert missing_particulars(invoice_over(2_900, EXPORT, "USD")) == ()


@pytest.mark.parametrize("minor", [5_001, 500_000, 500_001])
def test_every_document_shows_the_particulars_of_the_full_form(minor: int) -> None:
    text = text_of(invoice_over(minor))
    shown = (
        "Tax invoice",
        SUPPLIER.name,
        "1 Long Street",
        f"VAT number {SUPPLIER.vat_number}",
        "INV-2026-00042",
        "1 March 2026",
        "Pro plan, billed monthly",
        BUYER.name,
        "12 Kloof Road",
        f"VAT number {BUYER.vat_number}",
        "Subtotal without VAT",
        "VAT 15 %",
        "Total ZAR",
    )
    assert [each for each in shown if each not in text] == []
    assert {each.form for each in PARTICULARS} == {Form.ABRIDGED, Form.FULL}


def test_who_is_not_registered_shows_no_vat_and_no_tax_invoice() -> None:
    text = text_of(invoice_over(600_000, UNREGISTERED, supplier=replace(SUPPLIER, vat_number="")))
    assert "Tax invoice" not in text
    assert "The supplier is not registered for VAT" in text


def test_an_export_names_the_section_and_charges_nothing() -> None:
    text = text_of(invoice_over(2_900, EXPORT, "USD"))
    assert "section 11(2)" in text
    assert "VAT 0 %" in text


async def test_a_missing_address_is_said_to_the_customer_and_to_the_operator(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    [paid] = await shop.invoices(customer)
    line = replace(a_line(600_000), price_id=paid.lines[0].price_id)
    async with shop.runtime.unit() as unit:
        made = await billing.issue_invoice(unit, a_draft_like(paid, lines=(line,)))
        headers = await make_key(unit, customer.id)
        await make_member(unit, customer.id)
        await make_user(unit, email="olga@operator.example", operator=True)
    assert made.status is InvoiceStatus.OPEN
    said = (await shop.client.get(f"/api/invoices/{made.public_id}", headers=headers)).json()
    assert said["tax_form"] == "full"
    assert {"name": "the customer's address", "rule": "s20(4)(c)"} in said["missing_particulars"]
    await sign_in(shop.client, shop.runtime)
    assert "does not name your address" in (await shop.client.get(f"/app/invoices/{made.public_id}")).text
    assert "does not name your address" not in (await shop.client.get(f"/app/invoices/{paid.public_id}")).text
    await sign_in(shop.client, shop.runtime, "olga@operator.example")
    page = (await shop.client.get(f"/console/invoices/{made.public_id}")).text
    assert "s20(4)(c) of the VAT Act" in page
