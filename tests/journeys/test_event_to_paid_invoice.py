"""The whole way, through HTTP only: sign up, key, upgrade, events, a month, and a paid tax invoice, read as PDF."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import httpx
from pypdf import PdfReader

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.ops import advance_clock
from tests.factories.accounts import ORIGIN, PASSWORD, make_key
from tests.factories.catalog import apply_shipped

FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


async def post(client: httpx.AsyncClient, page: str, path: str, **fields: Any) -> httpx.Response:
    """Send a form as a browser does: with the token that stands on its page."""
    token = FORM_TOKEN.search((await client.get(page)).text)
    form = fields | ({"csrf_token": token[1]} if token else {})
    return await client.post(path, data=form, headers={"Origin": ORIGIN, "Accept": "text/html"})


async def sign_up(client: httpx.AsyncClient, worker: Worker) -> None:
    registered = await post(
        client,
        "/register",
        "/register",
        name="First Member",
        company_name="Kaap Consulting",
        email="first@kaap.example",
        password=PASSWORD,
        country="ZA",
        currency="ZAR",
    )
    assert registered.status_code == 303
    await worker.drain()
    signed = await post(client, "/login", "/login", email="first@kaap.example", password=PASSWORD)
    assert signed.status_code == 303


async def create_key(client: httpx.AsyncClient) -> dict[str, str]:
    """Create a key in the settings; the headers of a program that uses it."""
    answer = await post(
        client,
        "/app/settings",
        "/app/settings/keys",
        key_name="backend",
        scopes=["events:write", "billing:read"],
    )
    secret = re.search(r"ark_live_\w{58}", answer.text)
    assert secret is not None, "the secret is shown once"
    return {"Authorization": f"Bearer {secret[0]}"}


async def upgrade(client: httpx.AsyncClient, worker: Worker) -> None:
    """Upgrade to Pro on the sandbox's checkout page with its card that succeeds."""
    checkout = await post(client, "/app/upgrade?plan=pro&interval=month", "/app/upgrade", plan="pro", interval="month")
    assert checkout.status_code == 303, checkout.text
    page = httpx.URL(checkout.headers["location"]).path
    assert "R529,00" in (await client.get(page)).text
    paid = await post(client, page, f"{page}/pay", number="4242 4242 4242 4242", expiry="12/30", cvc="123")
    assert paid.status_code == 303
    await worker.drain()


def event(number: int, at: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"completion-{number}",
        "source": "/journey",
        "type": "llm.completion",
        "subject": "kaap-consulting",
        "time": at,
        "data": {"input_tokens": 40_000, "output_tokens": 2_000, "model": "any"},
    }


async def send_usage(client: httpx.AsyncClient, runtime: Runtime, headers: dict[str, str]) -> None:
    """200 completions: 8 million input tokens (5 included), 400 thousand output tokens (500 included)."""
    at = runtime.clock.now().isoformat().replace("+00:00", "Z")
    batch = [event(number, at) for number in range(200)]
    headers = headers | {"Content-Type": "application/cloudevents-batch+json"}
    for expected in ("accepted", "duplicates"):
        answer = await client.post("/api/events", json=batch, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()[expected] == 200


async def test_from_sign_up_to_a_paid_invoice(runtime: Runtime, worker: Worker, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
        operator = await make_key(unit, None)
    await sign_up(client, worker)
    key = await create_key(client)
    await upgrade(client, worker)
    await advance_clock(runtime, worker, to=runtime.clock.now() + timedelta(days=10))
    await send_usage(client, runtime, key)
    cost = (await client.get("/api/cost-so-far", headers=key)).json()
    assert (cost["plan"], cost["usage_minor"], cost["total_minor"]) == ("Pro", 18_000, 70_900)

    await advance_clock(runtime, worker, to=runtime.clock.now() + timedelta(days=22))
    listed = (await client.get("/api/invoices", headers=key)).json()["invoices"]
    assert [(each["number"], each["status"], each["total_minor"]) for each in listed] == [
        ("INV-2026-00002", "paid", 70_900),
        ("INV-2026-00001", "paid", 52_900),
    ]
    invoice = (await client.get(f"/api/invoices/{listed[0]['id']}", headers=key)).json()
    lines = [(line["kind"], line["meter"], line["quantity"], line["amount_minor"]) for line in invoice["lines"]]
    assert lines == [
        ("usage", "llm.input_tokens", "8000000", 18_000),
        ("usage", "llm.output_tokens", "400000", 0),
        ("flat_fee", None, "1", 52_900),
    ]
    assert invoice["tax_minor"] == 2_348 + 6_900
    assert invoice["subtotal_minor"] == invoice["total_minor"] - invoice["tax_minor"]

    page = (await client.get(f"/app/invoices/{listed[0]['id']}")).text
    assert "INV-2026-00002" in page
    assert "5\u00a0000\u00a0000 of them included" in page
    document = await client.get(f"/app/invoices/{listed[0]['id']}.pdf")
    text = PdfReader(io.BytesIO(document.content)).pages[0].extract_text().replace("\u00a0", " ")
    for expected in (
        "Tax invoice",
        "INV-2026-00002",
        "4123456789",
        "Kaap Consulting",
        "8 000 000",
        "R709,00",
        "R92,48",
    ):
        assert expected in text, expected

    trial = (await client.get("/api/ledger/trial-balance", headers=operator)).json()
    assert all(total["debit_minor"] == total["credit_minor"] for total in trial["totals"])
    balances = {row["account"]: row["balance_minor"] for row in trial["accounts"]}
    assert {account: minor for account, minor in balances.items() if account.startswith("receivable:")} == {
        next(account for account in balances if account.startswith("receivable:")): 0
    }
    fees = (1_947 + 230) + (2_609 + 230)
    assert balances["expense:gateway_fees"] == fees, "3.68 % of each payment, and R2.30"
    assert balances["clearing:sandbox"] == 52_900 + 70_900 - fees
