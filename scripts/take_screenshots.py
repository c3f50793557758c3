"""Take pictures of the pages with the demo: `make screenshots` or `python scripts/take_screenshots.py [FOLDER]`.

Starts an installation of its own in a temporary folder, waits for the demo, and writes PNGs of the pages on the phone
and the desktop, light and dark: three of them to docs/images, or all of them to FOLDER.
Needs Chromium (package `chromium`, or CHROMIUM=its path).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
# The ones kept in the repository; the others are written on demand: `... take_screenshots.py FOLDER` writes all.
KEPT = ("landing", "dashboard", "console")
START_SECONDS = 180
DEMO_SECONDS = 300
SIZES: dict[int, ViewportSize] = {1440: {"width": 1440, "height": 1000}, 390: {"width": 390, "height": 844}}
THEMES = ("light", "dark")
README_PICTURE = ("dashboard", 1440, "light")

PUBLIC = {"landing": "/", "pricing": "/pricing"}
CUSTOMER = {"dashboard": "/app", "usage": "/app/usage", "billing": "/app/billing", "credits": "/app/credits"}
CUSTOMER |= {"invoices": "/app/invoices", "statement": "/app/statement", "addons": "/app/addons"}
CONSOLE = {"console": "/console", "customers": "/console/customers", "month-end": "/console/month-end"}
CONSOLE |= {"revenue": "/console/revenue", "catalog": "/console/catalog", "what-if": "/console/catalog/what-if"}
CONSOLE |= {"dunning": "/console/dunning", "ledger": "/console/ledger"}


@contextmanager
def demo_installation() -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """A fresh installation with the complete demo: its address and the demo's sign-ins. Gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="autorisen-pictures-") as name:
        home = Path(name) / "home"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environment = {**os.environ, "AUTORISEN_HOME": str(home), "PORT": str(port)}
        environment.pop("DATABASE_URL", None)
        process = subprocess.Popen([sys.executable, "-m", "autorisen", "up"], env=environment, cwd=ROOT)
        try:
            base_url = f"http://127.0.0.1:{port}"
            wait_for("an answer", START_SECONDS, process, lambda: is_healthy(base_url))
            wait_for("the demo", DEMO_SECONDS, process, lambda: bool(read_demo(home).get("complete")))
            yield base_url, read_demo(home)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def wait_for(what: str, seconds: float, process: subprocess.Popen[bytes], ready: object) -> None:
    """Poll until `ready()`; exits when the process ends or the time is up."""
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            sys.exit(f"screenshots: autorisen ended with {process.returncode} before {what} was there")
        if time.monotonic() > end:
            sys.exit(f"screenshots: no {what} after {seconds} s")
        time.sleep(0.3)


def is_healthy(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/api/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def read_demo(home: Path) -> dict[str, dict[str, str]]:
    path = home / "demo.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def sign_in(page: Page, person: dict[str, str]) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password", exact=True).fill(person["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def shoot(page: Page, paths: dict[str, str], size: int, theme: str, folder: Path) -> None:
    for name, path in paths.items():
        if folder == IMAGES and name not in KEPT:
            continue
        page.goto(path, wait_until="networkidle")
        target = folder / f"{name}-{size}-{theme}.png"
        page.screenshot(path=target)
        if (name, size, theme) == README_PICTURE:
            shutil.copyfile(target, folder / f"{name}.png")
        print(f"  {target.name}")


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else IMAGES
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("screenshots: no Chromium; install the package `chromium`, or set CHROMIUM to its path")
    folder.mkdir(parents=True, exist_ok=True)
    with demo_installation() as (base_url, demo), sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for size, viewport in SIZES.items():
            for theme in THEMES:
                for paths, person in ((PUBLIC, None), (CUSTOMER, "customer"), (CONSOLE, "operator")):
                    context = browser.new_context(
                        base_url=base_url,
                        viewport=viewport,
                        color_scheme="dark" if theme == "dark" else "light",
                        reduced_motion="reduce",
                    )
                    page = context.new_page()
                    if person:
                        sign_in(page, demo[person])
                    shoot(page, paths, size, theme, folder)
                    context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
