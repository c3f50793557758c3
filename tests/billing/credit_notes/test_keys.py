"""A call whose answer was lost, or a second click, takes nothing back twice."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from autorisen.billing import CreditRequest, Wanted
from autorisen.billing.credit_notes.errors import CreditKeyTaken
from autorisen.billing.credit_notes.model import Settlement
from autorisen.billing.credit_notes.store import credit_notes_of
from autorisen.kit.money import Money
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.credit_notes import credit, now, paid_invoice, part, the_payment

KEYED = replace(part(10_000), key="one")


async def test_the_same_key_gives_the_same_credit_note(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    notes = await asyncio.gather(*(credit(shop, invoice, KEYED) for _ in range(4)))
    assert notes[1:] == notes[:-1]
    assert (await now(shop, customer)).credited.minor == 10_000
    assert (await the_payment(shop, invoice)).refund_asked_minor == 10_000
    assert (await credit(shop, invoice, replace(KEYED, key="two"))).number == "CN-2026-00002"
    # Also of an invoice of which nothing is left.
    whole = CreditRequest("the rest", key="rest")
    assert await credit(shop, invoice, whole) == await credit(shop, invoice, whole)
    assert (await now(shop, customer)).credited.minor == 52_900


@pytest.mark.parametrize(
    "changes",
    [
        {"wanted": Wanted(amount=Money(10_001, "ZAR"))},
        {"reason": "another"},
        {"settlement": Settlement.CREDIT},
    ],
)
async def test_a_key_asks_for_one_thing(shop: Shop, changes: dict[str, Any]) -> None:
    _, invoice = await paid_invoice(shop)
    await credit(shop, invoice, KEYED)
    with pytest.raises(CreditKeyTaken, match=r"CN-2026-00001 over ZAR 100\.00"):
        await credit(shop, invoice, replace(KEYED, **changes))


async def test_the_api_answers_a_repeated_call_with_the_same(shop: Shop, client: httpx.AsyncClient) -> None:
    _, invoice = await paid_invoice(shop)
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, None)
    path = f"/api/invoices/{invoice.public_id}/credit-notes"
    lines = [{"line": invoice.lines[0].public_id, "amount_minor": 5_000}]
    asked = {"lines": lines, "reason": " half of it ", "key": "lost-answer"}
    first, again = [await client.post(path, json=asked, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.json()["lines"][0]["amount_minor"] == 5_000
    other = await client.post(path, json=asked | {"lines": None, "amount_minor": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "credit_key_taken")
    for wrong in ("", "x" * 121):
        refused = await client.post(path, json=asked | {"key": wrong}, headers=headers)
        assert refused.json()["errors"][0]["field"] == "/key"


async def test_a_second_click_issues_nothing_more(shop: Shop, client: httpx.AsyncClient) -> None:
    customer, invoice = await paid_invoice(shop)
    async with shop.runtime.unit() as unit:
        await make_user(unit, email="op@operator.example", operator=True)
    await sign_in(client, shop.runtime, "op@operator.example")
    path = f"/console/invoices/{invoice.public_id}/credit"

    def key_in(page: str) -> str:
        return str(re.findall(r'name="key" value="(\w+)"', page)[0])

    typed = {"scope": "amount", "amount": "100,00", "reason": "why", "key": key_in((await client.get(path)).text)}
    assert key_in((await client.post(path, data=typed | {"action": "preview"})).text) == typed["key"]
    for _ in range(2):
        done = await client.post(path, data=typed | {"action": "issue"})
        assert done.status_code == 303
    assert (await now(shop, customer)).credited.minor == 10_000
    # Back, and another amount: said, with a key of its own for the next try.
    other = await client.post(path, data=typed | {"action": "issue", "amount": "50"})
    assert other.status_code == 409
    typed |= {"action": "issue", "amount": "50", "key": key_in(other.text)}
    assert (await client.post(path, data=typed)).status_code == 303
    assert (await now(shop, customer)).credited.minor == 15_000
    async with shop.runtime.database.read() as tx:
        assert len(await credit_notes_of(tx, invoice.id)) == 2
