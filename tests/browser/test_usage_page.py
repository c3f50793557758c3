"""The usage page by keyboard and without scripts: dates are chosen, the chart is read out, the CSV comes down."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import BUSY
from tests.browser.test_every_page import sign_in


def test_a_chart_is_read_out_by_the_arrow_keys(page: Page) -> None:
    sign_in(page, BUSY)
    page.goto("/app/usage?range=week")
    chart = page.get_by_role("img", name="Agent executions per day")
    chart.focus()
    page.keyboard.press("End")
    today = chart.get_by_role("status")
    expect(today).to_contain_text("executions")
    last = today.inner_text()
    page.keyboard.press("ArrowLeft")
    expect(today).not_to_have_text(last)
    expect(chart.locator(".chart-tip")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(today).to_have_text(last)
    page.keyboard.press("Escape")
    expect(chart.locator(".chart-tip")).to_be_hidden()


@pytest.mark.parametrize("page", [{"scripts": True}, {"scripts": False}], ids=["scripts", "plain"], indirect=True)
def test_dates_and_steps_are_chosen_by_keyboard_and_loaded_down(page: Page) -> None:
    sign_in(page, BUSY)
    page.goto("/app/usage?range=week")
    page.get_by_text("Dates, steps, zone").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Steps").select_option("hour")
    page.get_by_label("Time zone").fill("Asia/Kolkata")
    page.get_by_label("Time zone").press("Enter")
    expect(page.get_by_text("by hour, on the clock of Asia/Kolkata")).to_be_visible()
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "page")
    with page.expect_download() as loading:
        page.get_by_role("link", name="CSV").click()
    lines = Path(loading.value.path()).read_text().splitlines()
    assert lines[0] == "meter,unit,from,to,quantity,events"
    assert len(lines) > 3 * 24 * 6
    assert "+05:30" in lines[1]
