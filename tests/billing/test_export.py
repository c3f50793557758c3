"""The table for accountants: what is in it, that it sums up to the books, and that no cell can harm."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from autorisen import accounts, billing
from autorisen.billing.export.model import DOCUMENT_COLUMNS, LINE_COLUMNS, text_cell
from tests.factories.accounts import make_key, make_member, make_user, sign_in
from tests.factories.billing import Shop, a_draft_like
from tests.factories.credit_notes import credit, open_invoice, part

Headers = dict[str, str]


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def keys(shop: Shop, customer_id: Any = None) -> Headers:
    async with shop.runtime.unit() as unit:
        return await make_key(unit, customer_id)


async def busy(shop: Shop) -> Any:
    """Two invoices, a credit note of the second, and one that is void."""
    customer, invoice = await open_invoice(shop)
    await credit(shop, invoice, part(10_000))
    await shop.advance(days=1)
    async with shop.runtime.unit() as unit:
        made = await billing.issue_invoice(unit, a_draft_like(invoice, lines=invoice.lines[1:]))
    await shop.advance(days=2)
    async with shop.runtime.unit() as unit:
        await billing.void_invoice(unit, made.id, reason="=cmd|' /C calc'!A0", actor="tests")
    await shop.worker.drain()
    return customer


async def test_every_document_is_a_row_and_what_takes_back_is_negative(shop: Shop) -> None:
    customer = await busy(shop)
    rows = rows_of(await shop.client.get("/api/invoices.csv", headers=await keys(shop)))
    assert [(row["document"], row["number"], row["gross"]) for row in rows] == [
        ("invoice", "INV-2026-00001", "529.00"),
        ("invoice", "INV-2026-00002", "654.00"),
        ("credit_note", "CN-2026-00001", "-100.00"),
        ("invoice", "INV-2026-00003", "529.00"),
        ("void", "INV-2026-00003", "-529.00"),
    ]
    first, _, note, _, void = rows
    assert tuple(first) == DOCUMENT_COLUMNS
    assert (first["net"], first["vat"], first["vat_rate"], first["vat_treatment"]) == (
        "460.00",
        "69.00",
        "15 %",
        "standard",
    )
    assert (first["customer"], first["customer_name"], first["date"]) == (customer.public_id, "Acme", "2026-03-01")
    assert (note["invoice"], note["reason"]) == ("INV-2026-00002", "a part of it")
    assert void["reason"] == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize("lines", ["false", "true"])
async def test_the_sums_are_those_of_the_books(shop: Shop, lines: str) -> None:
    """Goal: all rows of all time sum up to VAT output and revenue, in both forms."""
    await busy(shop)
    rows = rows_of(await shop.client.get(f"/api/invoices.csv?lines={lines}", headers=await keys(shop)))
    vat = sum(Decimal(row["vat"]) for row in rows)
    net = sum(Decimal(row["net"]) for row in rows)
    # Of the fees, what was earned by now is revenue, and the rest is deferred.
    accounts_of_sales = ("revenue:subscription", "revenue:usage", "deferred:subscription")
    sales = sum([await shop.balance(account) for account in accounts_of_sales])
    assert (vat * 100, net * 100) == (-(await shop.balance("tax:vat_output")), -sales)
    assert all(Decimal(row["net"]) + Decimal(row["vat"]) == Decimal(row["gross"]) for row in rows)


async def test_lines_say_what_was_sold_and_when(shop: Shop) -> None:
    await busy(shop)
    rows = rows_of(await shop.client.get("/api/invoices.csv?lines=true", headers=await keys(shop)))
    assert tuple(rows[0]) == LINE_COLUMNS
    usage = next(row for row in rows if row["kind"] == "usage")
    assert (usage["quantity"], usage["unit"], usage["gross"]) == ("2500", "executions", "125.00")
    assert (usage["from"], usage["to"]) == ("2026-03-01", "2026-04-01")
    credited = [row for row in rows if row["document"] == "credit_note"]
    assert sum(Decimal(row["gross"]) for row in credited) == -100
    assert {row["quantity"] for row in credited} == {""}


async def test_days_are_south_african_and_both_included(shop: Shop) -> None:
    await busy(shop)
    headers = await keys(shop)
    for query, numbers in (
        ("from=2026-03-01&to=2026-03-01", ["INV-2026-00001"]),
        ("from=2026-03-02&to=2026-03-31", []),
        ("from=2026-04-01&to=2026-04-01", ["INV-2026-00002", "CN-2026-00001"]),
    ):
        answer = await shop.client.get(f"/api/invoices.csv?{query}", headers=headers)
        assert [row["number"] for row in rows_of(answer)] == numbers, query
        assert query.partition("&")[0].partition("=")[2] in answer.headers["content-disposition"]


async def test_midnight_is_south_african(shop: Shop) -> None:
    await shop.upgrade(await shop.customer())
    shop.clock.advance(datetime(2026, 3, 31, 22, 30, tzinfo=UTC) - shop.clock.now())
    [first] = await shop.invoices(await customer_of(shop))
    async with shop.runtime.unit() as unit:
        await billing.issue_invoice(unit, a_draft_like(first))
    answer = await shop.client.get("/api/invoices.csv?from=2026-04-01&to=2026-04-01", headers=await keys(shop))
    assert [row["date"] for row in rows_of(answer)] == ["2026-04-01"]


async def customer_of(shop: Shop) -> Any:
    async with shop.runtime.database.read() as tx:
        return await accounts.customer(tx, (await accounts.customer_ids_by_key(tx, ["acme"]))["acme"])


@pytest.mark.parametrize(
    "query, field",
    [
        ("from=yesterday", "query/from"),
        ("to=2026-02-30", "query/to"),
        ("from=2026-04-02&to=2026-04-01", "query/from"),
        ("lines=perhaps", "query/lines"),
    ],
)
async def test_a_wrong_day_is_refused_by_name(shop: Shop, query: str, field: str) -> None:
    answer = await shop.client.get(f"/api/invoices.csv?{query}", headers=await keys(shop))
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_everybody_gets_their_own(shop: Shop) -> None:
    customer = await busy(shop)
    other = await shop.customer("other")
    await shop.upgrade(other)
    mine = rows_of(await shop.client.get("/api/invoices.csv", headers=await keys(shop, customer.id)))
    assert {row["customer"] for row in mine} == {customer.public_id}
    theirs = rows_of(await shop.client.get("/api/invoices.csv?customer=other", headers=await keys(shop)))
    assert {row["customer"] for row in theirs} == {other.public_id}
    refused = await shop.client.get("/api/invoices.csv?customer=other", headers=await keys(shop, customer.id))
    assert refused.status_code == 404
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
        await make_user(unit, email="olga@operator.example", operator=True)
    await sign_in(shop.client, shop.runtime)
    assert "/app/invoices.csv" in (await shop.client.get("/app/invoices")).text
    assert rows_of(await shop.client.get("/app/invoices.csv")) == mine
    await sign_in(shop.client, shop.runtime, "olga@operator.example")
    assert "/console/invoices.csv" in (await shop.client.get("/console/invoices")).text
    everybody = rows_of(await shop.client.get("/console/invoices.csv?from=&to=&lines=false"))
    assert {row["customer"] for row in everybody} == {customer.public_id, other.public_id}


@pytest.mark.parametrize("text", ["=1+1", "+27", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert text_cell(text) == f"'{text}"
    assert text_cell(f"x{text}") == f"x{text}"
