"""The dashboard and the usage page: exact figures, and something to do where there is nothing yet."""

from __future__ import annotations

from datetime import timedelta

import httpx

from autorisen import billing
from autorisen.billing.store import mark_paid
from autorisen.portal.dashboard import INVOICES_SHOWN
from tests.factories.accounts import sign_in
from tests.factories.billing import Shop, a_draft_like
from tests.factories.payments import FAILS_LATER
from tests.portal.conftest import Signed

NBSP = "\N{NO-BREAK SPACE}"
HTMX = {"HX-Request": "true"}


async def test_pages_are_for_members(client: httpx.AsyncClient) -> None:
    for path in ("/app", "/app/usage", "/app/upgrade", "/app/upgrade/done"):
        answer = await client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


async def test_a_newcomer_learns_what_to_do(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    page = (await shop.client.get("/app")).text
    assert "Welcome, Ann" in page
    assert "Acme Agents · Free plan" in page
    assert "Active" in page
    assert f"&#34;subject&#34;: &#34;{customer.key}&#34;" in page, "a command to copy, with the customer's own key"
    assert "No invoices yet" in page
    assert "R0,00" in page
    assert "50 executions left" in page
    assert "Project status" in page
    assert "tasks in the plan" in page


async def test_the_cost_so_far_is_exact(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.upgrade(customer)
    shop.clock.advance(timedelta(minutes=5))
    await shop.use(customer, 2_010)
    shop.clock.advance(timedelta(minutes=5))
    page = (await shop.client.get("/app")).text
    assert "R531,50" in page, "529.00 for the month and 10 x 0.25"
    assert f"2{NBSP}010 used, 2{NBSP}000 included" in page
    assert "R2,50" in page
    assert "Allowance used; more costs R0,25 per execution" in page
    assert "INV-2026-00001" in page
    assert "No card on file" not in page
    assert "Upgrade to Enterprise" in page


async def test_an_unpaid_invoice_is_said_first(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=32)
    await sign_in(shop.client, shop.runtime)  # a month is longer than a session
    page = (await shop.client.get("/app")).text
    assert "INV-2026-00002 is not paid yet" in page
    assert "R529,00 is due on" in page
    assert "Past due" in page


async def test_an_unpaid_invoice_is_said_however_many_are_newer(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.upgrade(customer, card=FAILS_LATER)
    await shop.advance(days=32)
    unpaid = (await shop.invoices(customer))[-1]
    newest = unpaid
    for _ in range(INVOICES_SHOWN):
        shop.clock.advance(timedelta(minutes=1))
        async with shop.runtime.unit() as unit:
            newest = await billing.issue_invoice(unit, a_draft_like(unpaid))
            await mark_paid(unit.tx, newest.id, unit.now)
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get("/app")).text
    assert f"{newest.number}" in page
    assert f"Invoice {unpaid.number} is not paid yet" in page
    assert page.count(f"{unpaid.number}") == 1, "it is not among those listed"


async def test_the_chart_changes_by_part(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.use(customer, 3)
    shop.clock.advance(timedelta(minutes=1))
    part = (await shop.client.get("/app?range=hours&meter=agent.execution", headers=HTMX)).text
    assert "<html" not in part
    assert "3 executions in the last 48 hours" in part
    assert '"bucket": "hour"' in part
    other = (await shop.client.get("/app?range=period&meter=llm.input_tokens", headers=HTMX)).text
    assert "0 tokens in this period" in other
    assert "None in this time" in other
    odd = await shop.client.get("/app?range=%00&meter=%3Cb%3E")
    assert odd.status_code == 200
    assert "<b>%" not in odd.text


async def test_usage_is_a_chart_per_meter_and_a_table(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    empty = (await shop.client.get("/app/usage")).text
    assert empty.count("None in this time") == 3
    await shop.use(customer, 7)
    shop.clock.advance(timedelta(minutes=1))
    page = (await shop.client.get("/app/usage")).text
    assert page.count("data-chart ") == 1
    assert '<td data-label="Agent executions" class="num">7</td>' in page
    hours = (await shop.client.get("/app/usage?range=hours")).text
    assert "By hour" in hours
    assert "1 Mar 2026, 10:00" in hours, "08:00 UTC in the customer's zone"


async def test_nobody_sees_another_customers_figures(shop: Shop, signed: Signed) -> None:
    await signed()
    other = await shop.customer("other", name="Other Ltd")
    await shop.use(other, 40)
    shop.clock.advance(timedelta(minutes=1))
    for path in ("/app", "/app/usage"):
        page = (await shop.client.get(path)).text
        assert "Other" not in page
        assert ">40<" not in page
