"""Each line of a statement of account leads its reader to what it is about: customers to theirs, operators to all."""

from __future__ import annotations

import re
from uuid import UUID

import httpx

from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_member, make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.credit_notes import credit, part

OPERATOR = "op@op.example"
MEMBER = "first@kaap.example"
STRANGER = "other@kaap.example"


async def lines(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    """What each line says, and the address that it leads to."""
    page = (await client.get(path)).text
    return {words: href for href, words in re.findall(r'<a class="row-link" href="([^"]+)">([^<]+)</a>', page)}


async def ends_at(client: httpx.AsyncClient, href: str) -> str:
    """The page that a reader comes to, after a redirect; it is there."""
    answer = await client.get(href)
    if answer.status_code == 303:
        href = answer.headers["location"]
        answer = await client.get(href.partition("#")[0])
    assert answer.status_code == 200, href
    place = href.partition("#")[2]
    assert not place or f'id="{place}"' in answer.text, href
    return href


async def test_every_line_leads_on(
    runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock
) -> None:
    shop = Shop(runtime, worker, client, clock)
    customer, other = await shop.customer(), await shop.customer("other", email="bills@other.example")
    async with runtime.unit() as unit:
        await make_member(unit, customer.id, email=MEMBER)
        await make_member(unit, other.id, email=STRANGER)
        await make_user(unit, email=OPERATOR, operator=True)
    await shop.upgrade(customer)
    invoice = (await shop.invoices(customer))[-1]
    note = await credit(shop, invoice, part(10_000))
    await sign_in(client, runtime, MEMBER)
    checkout = await client.post("/app/credits/top-up", data={"amount": "200"})
    await shop.pay(checkout.headers["location"])
    found = await lines(client, "/app/statement")
    assert found.keys() >= {f"Invoice {invoice.number}", f"Payment of invoice {invoice.number}", "Credits bought"}
    here = f"/app/invoices/{invoice.public_id}"
    assert await ends_at(client, found[f"Invoice {invoice.number}"]) == here
    assert await ends_at(client, found[f"Payment of invoice {invoice.number}"]) == here
    assert await ends_at(client, found[f"Credit note {note.number}"]) == f"{here}#credit-notes"
    assert await ends_at(client, found["Credits bought"]) == "/app/credits#movements"
    bought = next(each["id"] for each in (await client.get("/api/payments")).json()["payments"])
    assert await ends_at(client, f"/app/payments/{bought}") == "/app/credits#movements"
    theirs = [found[f"Payment of invoice {invoice.number}"], found[f"Credit note {note.number}"]]
    await sign_in(client, runtime, STRANGER)
    for href in [*theirs, f"/app/payments/{public_id('pay', UUID(int=1))}"]:
        assert (await client.get(href)).status_code == 404, "another's is as if there were none"
    await sign_in(client, runtime, OPERATOR)
    home = f"/console/customers/{customer.public_id}"
    found = await lines(client, f"{home}/statement")
    here = f"/console/invoices/{invoice.public_id}"
    assert await ends_at(client, found[f"Invoice {invoice.number}"]) == here
    assert await ends_at(client, found[f"Credit note {note.number}"]) == f"{here}#credit-notes"
    assert (await ends_at(client, found[f"Payment of invoice {invoice.number}"])).startswith("/console/payments/pay_")
    assert await ends_at(client, found["Credits bought"]) == f"{home}/credits"
    books = await lines(client, "/console/ledger/clearing:sandbox")
    assert (await ends_at(client, books[f"Payment of invoice {invoice.number}"])).startswith("/console/payments/pay_")
    assert "Credits bought" not in books, "whose they are, the account does not say"
