"""A price of many parts on its whole way: from events to the invoice, its page, its document, its explanation."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

from pypdf import PdfReader

from autorisen import metering
from autorisen.accounts import Customer
from autorisen.billing import Invoice, LineKind
from autorisen.subscriptions import start_subscription
from tests.factories.accounts import make_customer, make_key, make_member, sign_in
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text, catalog_of

TIERS = """
model = "graduated"
included = 100
overage = true
[[price]]
currency = "ZAR"
minimum = "50.00"
tiers = [{ up_to = 100, amount = "1.00" }, { amount = "0.50", fee = "10.00" }]
"""


async def a_customer(shop: Shop) -> Customer:
    """A customer on the plan Tested, whose use has tiers and a minimum, with one member."""
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_of(TIERS, fee="100.00"))
        customer = await make_customer(unit)
        await start_subscription(unit, customer=customer, plan_key="tested")
        await make_member(unit, customer.id)
    await shop.worker.drain()
    return customer


async def use(shop: Shop, customer: Customer, amount: int, *, at: datetime, key: str) -> None:
    event = {
        "specversion": "1.0",
        "id": key,
        "source": "tests",
        "type": "api.use",
        "subject": customer.key,
        "time": at.isoformat(),
        "data": {"amount": amount},
    }
    async with shop.runtime.unit() as unit:
        receipt = await metering.ingest(unit, None, [metering.new_event(event)])
    assert receipt.accepted == 1


async def last_invoice(shop: Shop, customer: Customer) -> Invoice:
    return (await shop.invoices(customer))[-1]


async def test_tiers_are_billed_shown_and_explained(shop: Shop) -> None:
    customer = await a_customer(shop)
    await shop.advance(days=3)
    await use(shop, customer, 301, at=shop.clock.now(), key="one")
    await shop.advance(days=29)
    invoice = await last_invoice(shop, customer)
    usage, fee = invoice.lines
    assert (usage.kind, usage.amount.minor, fee.amount.minor) == (LineKind.USAGE, 10_000 + 5_050 + 1_000, 10_000)
    assert [(part.kind, part.amount.minor) for part in usage.parts] == [
        ("units", 10_000),
        ("units", 5_050),
        ("tier_fee", 1_000),
    ]
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    told = (await shop.client.get(f"/api/invoices/{invoice.public_id}", headers=headers)).json()["lines"][0]
    assert sum(part["amount_minor"] for part in told["parts"]) == told["amount_minor"] == 16_050
    explained = (await shop.client.get(f"/api/invoices/{invoice.public_id}/explanation", headers=headers)).json()
    assert explained["lines"][0]["rated"]["parts"] == told["parts"]
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}")).text.replace("\N{NO-BREAK SPACE}", " ")
    document = await shop.client.get(f"/api/invoices/{invoice.public_id}.pdf", headers=headers)
    printed = PdfReader(io.BytesIO(document.content)).pages[0].extract_text().replace("\N{NO-BREAK SPACE}", " ")
    for shown in (page, printed):
        assert "up to 100: 100 at R1,00 per unit" in shown
        assert "above 100: fee, R10,00" in shown


async def test_late_use_is_set_against_the_minimum_that_was_billed(shop: Shop) -> None:
    customer = await a_customer(shop)
    billed = await shop.period(customer)
    await shop.advance(days=31, hours=2)
    (usage, _) = (await last_invoice(shop, customer)).lines
    assert (usage.kind, int(usage.quantity), usage.amount.minor) == (LineKind.USAGE, 0, 5_000)
    # 80 beyond the allowance cost R80, of which the minimum of R50 is paid.
    await use(shop, customer, 180, at=billed.end_at - timedelta(days=1), key="late")
    await shop.advance(days=31)
    [late] = [line for line in (await last_invoice(shop, customer)).lines if line.kind is LineKind.USAGE_ADJUSTMENT]
    assert (int(late.quantity), late.amount.minor) == (180, 3_000)
