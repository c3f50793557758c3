"""The public pages say what the catalog sells, and lead each person where they can go."""

from __future__ import annotations

import re

import httpx

from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_user, sign_in
from tests.factories.addons import pro_with
from tests.factories.billing import Shop
from tests.factories.catalog import apply_shipped, apply_text
from tests.portal.conftest import Signed

NBSP = "\N{NO-BREAK SPACE}"


async def test_the_plans_come_from_the_catalog(client: httpx.AsyncClient, runtime: Runtime) -> None:
    empty = await client.get("/")
    assert empty.status_code == 200, "a new installation without a catalog has a landing page too"
    assert "R529,00" not in empty.text
    async with runtime.unit() as unit:
        await apply_shipped(unit)
    page = (await client.get("/")).text
    assert "R529,00" in page
    assert f"R1{NBSP}799,00" in page
    assert "R940,05" in page, "the example month, rated"
    assert 'href="/register"' in page


async def test_pricing_switches_interval_and_currency(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
    monthly = (await client.get("/pricing")).text
    assert "R529,00" in monthly
    assert "VAT included" in monthly
    yearly = (await client.get("/pricing?interval=year&currency=USD")).text
    assert "US$274,00" in yearly
    assert "21% less" in yearly
    assert f"24{NBSP}000 agent executions" in yearly
    assert "VAT included" not in yearly
    assert "Add-ons" not in monthly, "no plan has any"
    odd = await client.get("/pricing?interval=week&currency=%3Cb%3E")
    assert odd.status_code == 200
    assert "R529,00" in odd.text


async def test_pricing_lists_the_add_ons_of_each_plan(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await apply_text(unit, pro_with())
    for address, shown in {
        "/pricing": ["Extra agents", "Pro", "2 agents", "R49,00 per agent", "R490,00 per agent", "50"],
        "/pricing?currency=USD": ["Extra agents", "Pro", "2 agents", "US$3,00 per agent", "\N{EN DASH}", "50"],
    }.items():
        section = (await client.get(address)).text.partition('aria-labelledby="addons"')[2].partition("</section>")[0]
        cells = [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall("<td.*?</td>", section)]
        assert cells == shown


async def test_a_customer_goes_on_to_the_dashboard(shop: Shop, signed: Signed) -> None:
    await signed()
    page = (await shop.client.get("/")).text
    assert "Open your dashboard" in page
    assert 'href="/register"' not in page
    pricing = (await shop.client.get("/pricing?currency=USD")).text
    assert "US$" not in pricing, "a customer's currency is fixed"
    assert "Your plan" in pricing
    assert "/app/upgrade?plan=pro&amp;interval=month" in pricing


async def test_an_operator_goes_on_to_the_console(client: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
        await make_user(unit, email="op@example.com", name="Op", operator=True)
    await sign_in(client, runtime, "op@example.com")
    page = (await client.get("/")).text
    assert "Open the console" in page
    assert "Not for operators" in (await client.get("/pricing")).text
