"""The money of a simulated year: plans, cards, coupons, credits; and what the operator takes back."""

from __future__ import annotations

from typing import Any

from tests.factories.coupons import coupon_text
from tests.journeys.year_model import DAY, Person, Year, type_card

# A share, for a time; an amount, of fees only; and all of an invoice, for the first ones who come.
COUPONS = (
    coupon_text('percent = "33.33"\nduration = "repeating"\ninvoices = 3', '{ code = "THIRD" }', "third"),
    coupon_text(
        'duration = "once"\non = "fees"\none_per_customer = false\n'
        'amount = [{ currency = "ZAR", amount = "100.00" }, { currency = "USD", amount = "5.00" }]',
        '{ code = "LESS" }',
        "less",
    ),
    coupon_text('percent = "100"\nduration = "once"', '{ code = "GIFT", max_redemptions = 2 }', "gift"),
)
CODES = ("third", "less", "gift", "unknown")


async def upgrade(year: Year, person: Person) -> None:
    wanted = {
        "plan": year.random.choice(("pro", "enterprise")),
        "interval": year.random.choice(("month",) * 3 + ("year",)),
    }
    answer = await year.ask("POST", "/api/upgrade", params={"customer": person.key}, json=wanted)
    if answer.status_code == 200:
        await type_card(year, answer.json()["url"])


async def cancel(year: Year, person: Person) -> None:
    await year.ask("POST", "/api/subscription/cancel", params={"customer": person.key})


async def resume(year: Year, person: Person) -> None:
    await year.ask("POST", "/api/subscription/resume", params={"customer": person.key})


async def redeem(year: Year, person: Person) -> None:
    wanted = {"code": year.random.choice(CODES)}
    await year.ask("POST", "/api/coupons/redeem", params={"customer": person.key}, json=wanted)


async def pay_open(year: Year, person: Person) -> None:
    listed = await year.ask("GET", "/api/invoices", params={"customer": person.key})
    for invoice in listed.json()["invoices"]:
        if invoice["status"] == "open":
            answer = await year.ask("POST", f"/api/invoices/{invoice['id']}/pay")
            if answer.status_code == 200:
                await type_card(year, answer.json()["url"])


async def top_up(year: Year, person: Person) -> None:
    amount = {"amount_minor": year.random.randrange(5_000, 60_000)}
    answer = await year.ask("POST", "/api/credits/top-ups", params={"customer": person.key}, json=amount)
    if answer.status_code == 200:
        await type_card(year, answer.json()["url"])


async def consent(year: Year, person: Person) -> None:
    """Automatic top-up, on or off again; refused where there is no card to charge."""
    random = year.random
    terms = {
        "enabled": random.random() < 0.8,
        "threshold_minor": random.randrange(1_000, 20_000),
        "amount_minor": random.randrange(5_000, 40_000),
        "per_day": random.randrange(1, 4),
    }
    await year.ask("PUT", "/api/credits/automatic-top-up", params={"customer": person.key}, json=terms)


async def give(year: Year, person: Person) -> None:
    days = year.random.choice((None, 5, 40, 200))
    given = {
        "key": f"{person.key}-{year.now.isoformat()}",
        "customer": person.key,
        "kind": year.random.choice(("promotional", "goodwill")),
        "amount_minor": year.random.randrange(1, 30_000),
        "reason": "it was a bad day",
        "expires_at": None if days is None else (year.now + DAY * days).isoformat(),
    }
    answer = await year.ask("POST", "/api/credits/grants", json=given)
    assert answer.status_code == 201, answer.text


async def take_credits(year: Year, person: Person) -> None:
    """The operator takes credits back: what was given is void, what was bought is refunded to its card."""
    found = await year.ask("GET", "/api/credits", params={"customer": person.key})
    grants = found.json()["grants"]
    if grants:
        grant = year.random.choice(grants)
        verb = "refund" if grant["kind"] == "paid" else "void"
        await year.ask("POST", f"/api/credits/grants/{grant['id']}/{verb}", json={"reason": "by mistake"})


async def take_back(year: Year, person: Person) -> None:
    """A complaint: the operator takes back a part of some invoice or all that is left of it, paid or not."""
    listed = (await year.ask("GET", "/api/invoices", params={"customer": person.key})).json()["invoices"]
    if not listed:
        return
    invoice = year.random.choice(listed)
    request: dict[str, Any] = {"reason": "a complaint", "settlement": year.random.choice(("refund", "credit"))}
    if year.random.random() < 0.7:
        request["amount_minor"] = year.random.randrange(1, max(invoice["total_minor"], 2))
    answer = await year.ask("POST", f"/api/invoices/{invoice['id']}/credit-notes", json=request)
    assert answer.status_code in (201, 409, 422), answer.text


async def end_open(year: Year, person: Person) -> None:
    """The operator voids an open invoice, or expects its money no more."""
    listed = (await year.ask("GET", "/api/invoices", params={"customer": person.key})).json()["invoices"]
    for invoice in listed:
        if invoice["status"] == "open":
            end = year.random.choice(("void", "write-off"))
            answer = await year.ask("POST", f"/api/invoices/{invoice['id']}/{end}", json={"reason": "as agreed"})
            assert answer.status_code in (200, 409), answer.text
