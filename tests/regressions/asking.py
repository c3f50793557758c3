"""How the regression tests ask the platform: over HTTP, as an operator, a payer or a gateway would."""

from __future__ import annotations

from typing import Any

import httpx

from autorisen import billing
from autorisen.accounts import Customer
from tests.factories.billing import Shop
from tests.factories.payments import SUCCEEDS, WEBHOOK

PRO, PRO_YEAR, ENTERPRISE = 52_900, 499_000, 179_900
RUNS_OF = {"free": "50", "pro": "2000", "enterprise": "8000"}


async def ask(shop: Shop, method: str, path: str, customer: Customer, **given: Any) -> httpx.Response:
    return await shop.client.request(method, f"/api/{path}", params={"customer": customer.key}, **given)


async def told(shop: Shop, path: str, customer: Customer) -> Any:
    answer = await ask(shop, "GET", path, customer)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def checkout_of(shop: Shop, customer: Customer, plan: str, interval: str = "month") -> str:
    """The path of the page on which an upgrade is paid."""
    answer = await ask(shop, "POST", "upgrade", customer, json={"plan": plan, "interval": interval})
    assert answer.status_code == 200, answer.text
    return httpx.URL(answer.json()["url"]).path


async def page_to_pay(shop: Shop, invoice: billing.Invoice) -> str:
    """The path of the page on which an open invoice is paid."""
    answer = await shop.client.post(f"/api/invoices/{invoice.public_id}/pay")
    assert answer.status_code == 200, answer.text
    return httpx.URL(answer.json()["url"]).path


async def runs_included(shop: Shop, customer: Customer) -> str:
    """How many agent executions the plan in force includes, as an entitlement."""
    entitlements = (await told(shop, "entitlements", customer))["entitlements"]
    return next(str(each["included"]) for each in entitlements if each["key"] == "agent.execution")


async def plan_of(shop: Shop, customer: Customer) -> tuple[str, str]:
    """Plan and status; what the plan entitles to is the same plan's."""
    found = await told(shop, "subscription", customer)
    assert await runs_included(shop, customer) == RUNS_OF[found["plan"]]
    return found["plan"], found["status"]


async def pay_on_page(shop: Shop, path: str) -> None:
    """Pay; nobody has worked on the news of it yet."""
    form = {"number": SUCCEEDS, "expiry": "12/30", "cvc": "123"}
    assert (await shop.client.post(f"{path}/pay", data=form)).status_code == 303


async def pay_and_take(shop: Shop, path: str, minor: int) -> None:
    """Pay on the page, while the gateway itself takes only so much of it; then its news arrives."""
    await pay_on_page(shop, path)
    async with shop.runtime.unit() as unit:
        await unit.tx.execute(
            "UPDATE sandbox.charges SET amount_minor = %s WHERE checkout_id = %s", (minor, path.rpartition("/")[2])
        )
    await shop.worker.drain()


async def deliver(shop: Shop, delivery: tuple[dict[str, str], bytes]) -> int:
    """Send a notification to where the gateway sends its own, and let it be worked off."""
    headers, body = delivery
    answer = await shop.client.post(WEBHOOK, headers=headers, content=body)
    await shop.worker.drain()
    return answer.status_code
