"""The credit form in a browser: by keyboard, only what the choice needs, and what is shown is what is issued."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from autorisen import billing
from autorisen.billing import InvoiceStatus
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import start_subscription
from tests.browser.installation import Installation
from tests.browser.people import OPERATOR
from tests.browser.test_every_page import LOOKS, look, sign_in
from tests.factories.accounts import make_customer
from tests.factories.payments import SUCCEEDS

WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def invoice(site: Installation) -> str:
    """The address of a paid invoice, bought through the sandbox's checkout."""

    async def begin(runtime: Runtime) -> tuple[str, str]:
        async with runtime.unit() as unit:
            customer = await make_customer(unit, key="camps-bay", name="Camps Bay Studio", email="pay@camps.example")
            await start_subscription(unit, customer=customer, plan_key="free", start_at=unit.now)
        checkout = await billing.start_upgrade(runtime, customer_id=customer.id, plan_key="pro", interval="month")
        return customer.public_id, checkout.url

    async def paid(runtime: Runtime) -> list[billing.Invoice]:
        async with runtime.database.read() as tx:
            return list(await billing.list_invoices(tx, customer_id=None, status=InvoiceStatus.PAID, limit=10))

    customer, url = site.run(begin)
    card = {"number": SUCCEEDS, "expiry": "12/30", "cvc": "123"}
    assert httpx.post(f"{url}/pay", data=card, trust_env=False).status_code == 303
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        for each in site.run(paid):
            if each.customer.name == "Camps Bay Studio":
                return f"/console/invoices/{each.public_id}"
        time.sleep(0.2)
    raise AssertionError(f"{customer} has no paid invoice after {WAIT_SECONDS} s")


def ring(page: Page) -> str:
    """The outline of what has the focus."""
    return str(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))


def test_it_asks_for_what_was_chosen_and_issues_what_it_showed(page: Page, invoice: str) -> None:
    sign_in(page, OPERATOR)
    page.goto(f"{invoice}/credit")
    amount, lines = page.get_by_label("Amount in ZAR"), page.get_by_label("Take back of")
    page.get_by_label("How much").focus()
    expect(amount).to_be_hidden()
    expect(lines).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(amount).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(lines).to_be_visible()
    expect(amount).to_be_hidden()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(amount).to_be_focused()
    assert ring(page) == "solid"
    page.keyboard.type("100")
    page.keyboard.press("Tab")
    page.keyboard.type("Two days without service")
    amount.press("Enter")
    expect(page.get_by_role("heading", name="What it will say: not issued yet")).to_be_visible()
    amount.fill("400")
    amount.press("Enter")
    issue = page.get_by_role("button", name="Issue R400,00")
    expect(issue).to_be_visible()
    amount.fill("500")
    issue.focus()
    assert ring(page) == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("[data-toasts]")).to_contain_text("over R400,00 is issued")


@pytest.mark.parametrize("page", LOOKS, indirect=True)
def test_its_steps_are_accessible(page: Page, invoice: str) -> None:
    sign_in(page, OPERATOR)
    page.goto(f"{invoice}/credit")
    found = look(page, "credit form")
    for amount, step in (("1", "credit preview"), ("999999", "credit refused")):
        page.get_by_label("How much").select_option("amount")
        page.get_by_label("Amount in ZAR").fill(amount)
        page.get_by_label("Reason").fill("why")
        page.get_by_role("button", name="Preview").click()
        page.wait_for_load_state()
        found += look(page, step)
    expect(page.get_by_role("alert")).to_contain_text("what is left")
    assert found == []
