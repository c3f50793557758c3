"""Every page, on the phone in dark and on the desktop in light: accessible (axe, WCAG 2.2 AA), nothing sticks out."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.people import BUSY, NEW, OPERATOR, PASSWORD

LOOKS = [
    pytest.param({"viewport": PHONE, "theme": "dark"}, id="phone-dark"),
    pytest.param({"viewport": DESKTOP, "theme": "light"}, id="desktop-light"),
]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}

PUBLIC = ("/", "/pricing", "/pricing?interval=year&currency=USD", "/login", "/register", "/nothing-here")
CUSTOMER = ("/app", "/app/usage", "/app/usage?range=hours", "/app/usage?from=2026-03-02&to=2026-03-01",
            "/app/invoices", "/app/statement", "/app/billing", "/app/credits", "/app/addons", "/app/coupons",
            "/app/settings",
            "/app/billing/cancel", "/app/billing/pause", "/app/billing/resume", "/app/upgrade?plan=free&interval=month",
            "/app/upgrade?plan=enterprise&interval=year", "/pricing", "/app/events", "/app/events?type=none",
            "/app/events/rejected", "/app/events/conflicts", "/app/events/test")  # fmt: skip
NEWCOMER = ("/app", "/app/usage", "/app/invoices", "/app/billing", "/app/credits", "/app/addons", "/app/coupons",
            "/app/billing/cancel", "/app/billing/pause", "/app/upgrade?plan=pro&interval=month",
            "/app/events", "/app/events/rejected", "/app/events/conflicts")  # fmt: skip
# Each has a list whose first row leads to a page of its own.
LISTS = ("/app/events", "/app/events/rejected", "/app/events/conflicts")
CONSOLE = ("/console", "/console/customers", "/console/events", "/console/events/rejected",
           "/console/events/conflicts", "/console/invoices", "/console/deliveries", "/console/work",
           "/console/health", "/console/ingest", "/console/clock", "/console/reconciliations",
           "/console/month-end", "/console/revenue", "/console/revenue/changes?month=2026-03&currency=ZAR",
           "/console/catalog", "/console/catalog/what-if", "/console/dunning", "/console/ledger",
           "/console/deferred-revenue")  # fmt: skip


def sign_in(page: Page, email: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def faults(page: Page, path: str) -> list[str]:
    """What is wrong with the page at that path, in words."""
    answer = page.goto(path)
    assert answer is not None
    refused = [f"{path}: answered {answer.status}"] if answer.status >= 500 else []
    return refused + look(page, path)


def look(page: Page, path: str) -> list[str]:
    """The same of the page as it stands; `path` names it."""
    found = []
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        found.append(f"{path}: {wide} px wider than the screen")
    if page.locator("h1").count() != 1:
        found.append(f"{path}: {page.locator('h1').count()} headings of the first level")
    results: Any = Axe().run(page, options=WCAG)
    for violation in results.response["violations"]:
        targets = [node["target"] for node in violation["nodes"]][:3]
        found.append(f"{path}: {violation['impact']} {violation['id']}: {violation['help']} at {targets}")
    return found


@pytest.mark.parametrize("page", LOOKS, indirect=True)
def test_public_pages(page: Page) -> None:
    assert [fault for path in PUBLIC for fault in faults(page, path)] == []


@pytest.mark.parametrize("page", LOOKS, indirect=True)
@pytest.mark.parametrize("email,paths", [(BUSY, CUSTOMER), (NEW, NEWCOMER)], ids=["busy", "new"])
def test_customers_pages(page: Page, email: str, paths: tuple[str, ...]) -> None:
    sign_in(page, email)
    assert [fault for path in paths for fault in faults(page, path)] == []


@pytest.mark.parametrize("page", LOOKS, indirect=True)
def test_pages_of_one_thing(page: Page) -> None:
    sign_in(page, BUSY)
    found = []
    for path in LISTS:
        page.goto(path)
        address = page.locator("a.row-link").first.get_attribute("href")
        assert address is not None, f"{path} lists nothing"
        found += faults(page, address)
    assert found == []


@pytest.mark.parametrize("page", LOOKS, indirect=True)
def test_operators_pages(page: Page) -> None:
    sign_in(page, OPERATOR)
    page.goto("/console/customers")
    customer = page.locator("a.row-link").first.get_attribute("href")
    assert customer is not None, "there are customers"
    paths = (*CONSOLE, customer, f"{customer}/credits", f"{customer}/statement")
    assert [fault for path in paths for fault in faults(page, path)] == []
