"""One installation for all browser tests, one Chromium per file, a fresh browser profile for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser.installation import Installation, installation
from tests.browser.people import seed

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


def find_chromium() -> str | None:
    """The system's Chromium: CHROMIUM, or what is on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. Without one these tests are skipped on a desk, and fail where CI promises to have it."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium: install the package `chromium`, or set CHROMIUM to its path"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def site(chromium: str) -> Iterator[Installation]:
    with installation() as running:
        seed(running)
        yield running


# Not for the whole session: while it runs, its event loop keeps the asynchronous tests of other folders from theirs.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
    launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield launched
    launched.close()


@pytest.fixture
def errors() -> list[str]:
    """What the page complained about; `page` fails the test when there is anything."""
    return []


@pytest.fixture
def page(browser: Browser, site: Installation, errors: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at desktop width, or as the test's parameter `viewport` and `theme` say."""
    given = getattr(request, "param", {})
    context = browser.new_context(
        base_url=site.base_url,
        viewport=given.get("viewport", DESKTOP),
        color_scheme=given.get("theme", "light"),
        java_script_enabled=given.get("scripts", True),
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(f"script: {error}"))
    page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    yield page
    context.close()
    assert errors == []
