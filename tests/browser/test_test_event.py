"""The test event of the browser, and the calls beside it, which work as they are copied."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from autorisen.accounts import create_api_key, customer_ids_by_key
from autorisen.kit.unit import Runtime
from tests.browser.installation import Installation
from tests.browser.people import BUSY
from tests.browser.test_every_page import sign_in


async def _key(runtime: Runtime) -> str:
    async with runtime.unit() as unit:
        customer_id = (await customer_ids_by_key(unit.tx, ["umhlanga-labs"]))["umhlanga-labs"]
        _, secret = await create_api_key(unit, customer_id=customer_id, name="copied", scopes=["events:write"])
    return secret


@pytest.mark.parametrize("page", [{"scripts": True}, {"scripts": False}], ids=["scripts", "plain"], indirect=True)
def test_a_test_event_is_sent_and_its_receipt_shown(page: Page) -> None:
    sign_in(page, BUSY)
    page.goto("/app/events")
    page.get_by_role("link", name="Send a test event").first.click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Accepted: it is stored.")).to_be_visible()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_text("1 executions")).to_be_visible()


def test_the_calls_work_as_they_are_copied(page: Page, site: Installation, tmp_path: Path) -> None:
    sign_in(page, BUSY)
    page.goto("/app/events/test")
    command = page.locator("#curl").inner_text()
    program = page.locator("#python").inner_text()
    environment = {"PATH": os.environ["PATH"], "AUTORISEN_KEY": site.run(_key), "NO_PROXY": "127.0.0.1"}
    given: dict[str, Any] = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True, "timeout": 60}
    for status in ("accepted", "duplicates"):
        done = subprocess.run(["bash", "-c", command], check=False, **given)
        assert done.returncode == 0, done.stderr
        assert f'"{status}":1' in done.stdout
    (tmp_path / "send.py").write_text(program)
    done = subprocess.run([sys.executable, "send.py"], check=False, **given)
    assert done.stdout.startswith("True Status(pending=0, sent=1, dead=0"), done.stdout + done.stderr
