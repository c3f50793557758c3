"""A price by dimension on its whole way: from events to the invoice, its page, its explanation, and corrected."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from autorisen import billing, metering
from autorisen.accounts import Customer
from autorisen.billing import LineKind
from autorisen.billing.reconciliation import compare_closings
from autorisen.metering import Correction, Scope
from autorisen.metering.model import OPERATOR
from autorisen.subscriptions import entitlements, start_subscription
from tests.factories.accounts import make_customer, make_key, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text, catalog_of

CELLS = """
included = 100
overage = true
price = [{ currency = "ZAR", amount = "0.10" }]
cell = [
    { match = { model = "large", kind = "output" }, price = [{ currency = "ZAR", amount = "1.00" }] },
    { match = { model = ["large", "small"] }, price = [{ currency = "ZAR", amount = "0.50" }] },
]
"""
CATALOG = catalog_of(CELLS, fee="100.00").replace(
    'value_path = "amount"', 'value_path = "amount"\ngroup_by = ["model", "kind"]'
)


async def a_customer(shop: Shop) -> Customer:
    async with shop.runtime.unit() as unit:
        await apply_text(unit, CATALOG)
        customer = await make_customer(unit)
        await start_subscription(unit, customer=customer, plan_key="tested")
        await make_member(unit, customer.id)
    await shop.worker.drain()
    return customer


async def use(shop: Shop, customer: Customer, key: str, amount: int, at: datetime, **values: str) -> None:
    event = {
        "specversion": "1.0",
        "id": key,
        "source": "tests",
        "type": "api.use",
        "subject": customer.key,
        "time": at.isoformat(),
        "data": {"amount": amount, **values},
    }
    async with shop.runtime.unit() as unit:
        receipt = await metering.ingest(unit, None, [metering.new_event(event)])
    assert receipt.accepted == 1


async def findings(shop: Shop) -> list[object]:
    found = await compare_closings(shop.runtime.database, Scope(None, shop.clock.now()), lambda done: None)
    assert all(part.compared for part in found)
    return [each for part in found for each in part.listed]


async def require_opened(shop: Shop, invoice: billing.Invoice, told: list[dict[str, Any]]) -> None:
    """The page of a cell's line has its own price and events, and no other cell's."""
    opened = (await shop.client.get(f"/app/invoices/{invoice.public_id}/lines/{told[1]['line']['id']}")).text
    assert "any, large or small: R0,50 per unit" in opened.replace("\N{NO-BREAK SPACE}", " ")
    assert "kind input, model large" in opened
    assert "kind output" not in opened
    assert [line["price_terms"] for line in told[2:]] == [["other, other: R0,10 per unit"], ["R100,00 per month"]]


async def test_each_cell_is_a_line_that_is_explained_and_adds_up(shop: Shop) -> None:
    customer = await a_customer(shop)
    await shop.advance(days=3)
    now = shop.clock.now()
    await use(shop, customer, "1", 70, now, model="large", kind="output")
    await use(shop, customer, "2", 50, now, model="large", kind="input")
    await use(shop, customer, "3", 8, now - timedelta(hours=30), model="small")
    await use(shop, customer, "4", 5, now, model="tiny")
    async with shop.runtime.database.read() as tx:
        cost = await billing.cost_so_far(tx, customer_id=customer.id, now=now)
        [allowed] = [each for each in await entitlements(tx, customer_id=customer.id, now=now) if each.kind == "meter"]
    assert cost.usage_total.minor == 28 * 50 + 50
    assert allowed.unit_price is None
    assert (allowed.used, allowed.left) == (Decimal(133), Decimal(0))
    await shop.advance(days=29)
    invoice = (await shop.invoices(customer))[-1]
    assert [
        (line.description, int(line.quantity), int(line.included), line.amount.minor) for line in invoice.lines
    ] == [
        ("API use: kind output, model large", 70, 70, 0),
        ("API use: model large or small", 58, 30, 28 * 50),
        ("API use: other", 5, 0, 50),
        ("Tested plan, billed monthly", 1, 0, 10_000),
    ]
    assert len({line.price_id for line in invoice.lines}) == 4
    assert await findings(shop) == []
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    told = (await shop.client.get(f"/api/invoices/{invoice.public_id}/explanation", headers=headers)).json()["lines"]
    assert [line["line"]["dimensions"] for line in told] == [
        {"kind": ["output"], "model": ["large"]},
        {"model": ["large", "small"]},
        {},
        None,
    ]
    used = [[day["quantity"] for day in line["days"] if day["quantity"] != "0"] for line in told]
    assert used == [["70"], ["8", "50"], ["5"], []]
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text
    assert "API use: model large or small" in page
    await require_opened(shop, invoice, told)


async def test_late_use_moves_the_allowance_between_cells_and_sums_up(shop: Shop) -> None:
    customer = await a_customer(shop)
    billed = await shop.period(customer)
    await use(shop, customer, "1", 100, billed.start_at, model="small")
    await use(shop, customer, "2", 9, billed.start_at, model="tiny")
    await shop.advance(days=31, hours=2)
    first = (await shop.invoices(customer))[-1]
    assert [line.amount.minor for line in first.lines] == [0, 90, 10_000]
    # 20 that come late in the first cell are included, so 20 of the second no more are; a cell without use is new.
    await use(shop, customer, "3", 20, billed.end_at - timedelta(days=1), model="large", kind="output")
    await shop.advance(days=31)
    second = (await shop.invoices(customer))[-1]
    late = [line for line in second.lines if line.kind is LineKind.USAGE_ADJUSTMENT]
    assert [(line.description, int(line.quantity), line.amount.minor) for line in late] == [
        ("API use: model large or small, recorded after the period was billed", 0, 1_000),
    ]
    assert await findings(shop) == []


async def test_use_of_a_cell_that_is_taken_back_is_credited(shop: Shop) -> None:
    customer = await a_customer(shop)
    billed = await shop.period(customer)
    await use(shop, customer, "1", 150, billed.start_at, model="small")
    await shop.advance(days=31, hours=2)
    assert [line.amount.minor for line in (await shop.invoices(customer))[-1].lines] == [2_500, 10_000]
    async with shop.runtime.unit() as unit:
        wrong = Correction(OPERATOR, "tests", "1", "void", "sent by mistake")
        await metering.correct_events(unit, actor="tests", corrections=[wrong])
    await shop.advance(days=31)
    second = (await shop.invoices(customer))[-1]
    assert [(line.kind, line.amount.minor) for line in second.lines] == [
        (LineKind.USAGE_ADJUSTMENT, -2_500),
        (LineKind.FLAT_FEE, 10_000),
    ]
    assert await findings(shop) == []
