"""What people do, through the real pages: sign up, upgrade and pay; by keyboard alone; without scripts."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.people import BUSY, PASSWORD
from tests.browser.test_every_page import sign_in

SIZES = [pytest.param({"viewport": PHONE}, id="phone"), pytest.param({"viewport": DESKTOP}, id="desktop")]


def press_until(page: Page, key: str, name: str, *, most: int = 40) -> None:
    """Press a key until the focus is on the control of that name."""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''").strip() == name:
            return
    raise AssertionError(f"{key} never reaches {name}")


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_from_the_landing_page_to_a_paid_invoice(page: Page, request: pytest.FixtureRequest) -> None:
    """Register, look around, upgrade to Pro, pay by a test card, find the paid invoice and its PDF, sign out."""
    email = f"{request.node.callspec.id}@journey.example"
    page.goto("/")
    page.get_by_role("link", name="Start free").first.click()
    page.get_by_label("Your name").fill("Nomsa Khumalo")
    page.get_by_label("Company").fill(f"Journey {request.node.callspec.id}")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(re.compile("/(login|app)"))
    sign_in(page, email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Nomsa")
    expect(page.get_by_text("No invoices yet")).to_be_visible()
    expect(page.locator("#send-event")).to_contain_text("/api/events")

    page.get_by_role("link", name="Upgrade to Pro").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Upgrade to Pro")
    page.get_by_role("button", name="Continue to payment").click()
    page.wait_for_url("**/sandbox/checkout/**")
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_label("Expires").fill("12/40")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.wait_for_url("**/app")
    expect(page.locator("[data-toasts]")).to_contain_text("Paid. You are on Pro now.")
    expect(page.get_by_role("link", name="Upgrade to Enterprise")).to_be_visible()

    page.get_by_role("link", name="Invoices", exact=True).locator("visible=true").click()
    row = page.get_by_role("row").filter(has_text="R529,00")
    expect(row).to_contain_text("Paid")
    row.get_by_role("link", name=re.compile("^INV-")).click()
    expect(page.get_by_role("main")).to_contain_text("R69,00")
    pdf = page.get_by_role("link", name=re.compile("PDF")).first.get_attribute("href")
    assert pdf is not None
    document = page.request.get(pdf)
    assert document.body().startswith(b"%PDF-")

    page.locator("details.account:visible summary").click()
    page.locator("details.account:visible").get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "/app" not in url)
    page.goto("/app")
    assert "/login" in page.url


def test_a_declined_card_is_said_and_changes_nothing(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Your name").fill("Declined Payer")
    page.get_by_label("Company").fill("Declined Ltd")
    page.get_by_label("E-mail").fill("payer@declined.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(re.compile("/(login|app)"))
    sign_in(page, "payer@declined.example")
    page.goto("/app/upgrade?plan=pro&interval=month")
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    page.get_by_label("Expires").fill("12/40")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    expect(page.get_by_role("main")).to_contain_text("declined")
    page.goto("/app")
    expect(page.get_by_role("link", name="Upgrade to Pro")).to_be_visible()


def test_the_keyboard_is_enough(page: Page) -> None:
    """Skip link, sign in, another meter's chart and the account menu, with keys only."""
    page.goto("/login?next=/app")
    page.keyboard.press("Control+Home")
    page.get_by_label("E-mail").focus()
    page.keyboard.type(BUSY)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Busy")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    expect(page.locator(".skip-link")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    press_until(page, "Tab", "LLM input tokens")
    page.keyboard.press("Enter")
    expect(page.locator("#usage .tabs [aria-current=page]")).to_have_text("LLM input tokens")
    page.keyboard.press("Shift+Tab")
    menu = page.locator("details.account:visible")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("button", name="Sign out")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY", "the focus comes back to what opened the menu"


def test_charts_draw_and_tell_the_exact_number(page: Page) -> None:
    sign_in(page, BUSY)
    chart = page.locator("#usage [data-chart]")
    expect(chart.locator("canvas")).to_be_visible()
    area = chart.locator(".u-over").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] - 12, area["y"] + area["height"] / 2)
    expect(chart.locator(".chart-tip")).to_contain_text(re.compile(r"\d+ executions"))
    page.get_by_role("link", name="48 hours").click()
    expect(page.locator("#usage [aria-current=true]")).to_have_text("48 hours")
    expect(page.locator("#usage canvas")).to_be_visible()


def test_the_theme_is_remembered_and_there_from_the_first_byte(page: Page) -> None:
    page.goto("/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    answer = page.request.get("/")
    assert 'data-theme="dark"' in answer.text()
    page.get_by_role("button", name="As the system").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light
    assert "data-theme=" not in page.request.get("/").text().partition("<head>")[0]


@pytest.mark.parametrize("page", [pytest.param({"scripts": False}, id="no-scripts")], indirect=True)
def test_forms_work_without_scripts(page: Page) -> None:
    sign_in(page, BUSY)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Busy")
    page.get_by_role("link", name="LLM output tokens").click()
    expect(page.locator("#usage .tabs [aria-current=page]")).to_have_text("LLM output tokens")
    page.goto("/app/usage")
    assert page.get_by_role("row").count() > 10, "the table has what the charts would show"


def test_static_files_are_kept_for_ever(page: Page) -> None:
    """A second page costs no second download: what is static comes from the browser's cache."""
    page.goto("/")
    sheet = page.locator("link[rel=stylesheet]").first.get_attribute("href")
    assert sheet is not None
    assert httpx.get(page.url.rstrip("/") + sheet).headers["cache-control"] == "public, max-age=31536000, immutable"
    page.goto("/pricing")
    sizes = page.evaluate("performance.getEntriesByType('resource').map((each) => [each.name, each.transferSize])")
    assert [name for name, size in sizes if "/static/" in name and size > 0] == []
