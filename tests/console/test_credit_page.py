"""The operator takes an invoice back by a form, voids it, writes it off; each asks or shows first."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from autorisen import payments
from autorisen.accounts import Customer
from autorisen.billing import Invoice, InvoiceStatus
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.credit_notes import now, open_invoice, paid_invoice, the_payment


@pytest.fixture
def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    return Shop(runtime, worker, client, clock)


async def operator(shop: Shop) -> httpx.AsyncClient:
    async with shop.runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", operator=True)
    await sign_in(shop.client, shop.runtime, "olga@operator.example")
    return shop.client


async def opened(shop: Shop) -> tuple[Customer, Invoice, str]:
    customer, invoice = await open_invoice(shop)
    await operator(shop)
    return customer, invoice, f"/console/invoices/{invoice.public_id}"


async def test_a_credit_note_is_shown_before_it_is_issued(shop: Shop) -> None:
    customer, invoice, path = await opened(shop)
    page = (await shop.client.get(path)).text
    for text in ("Credit", 'data-opens="void"', 'data-opens="write-off"', "<dialog"):
        assert text in page, text
    form = (await shop.client.get(f"{path}/credit")).text
    assert "R654,00 of R654,00 can be taken back" in form
    assert "What it will say" not in form
    id = invoice.lines[0].id
    assert id is not None
    typed = {"scope": "lines", f"line-{public_id('iln', id)}": "50,00", "reason": "half failed", "amount": ""}
    shown = (await shop.client.post(f"{path}/credit", data=typed | {"action": "preview"})).text
    for text in (
        "What it will say: not issued yet",
        "Preview again",
        customer.email,
        "R50,00 comes off what is due",
        "R6,52",
        'value="50,00"',
        "half failed",
    ):
        assert text in shown, text
    assert (await now(shop, customer)).credited.minor == 0
    issuing, asking = re.findall(r'<form[^>]*/credit">.*?</form>', shown, re.DOTALL)
    assert 'value="issue"' not in asking, "Enter in a field asks again, and issues nothing"
    assert re.findall(r'<(?:input(?! type="hidden")|select|textarea)', issuing) == []
    frozen = {name: unescape(text) for name, text in re.findall(r'name="([^"]+)" value="([^"]*)"', issuing)}
    assert frozen.items() >= (typed | {"action": "issue"}).items(), "what is issued is what is shown"
    done = await shop.client.post(f"{path}/credit", data=frozen)
    assert (done.status_code, done.headers["location"]) == (303, path)
    page = (await shop.client.get(path)).text
    assert "CN-2026-00001 over R50,00 is issued" in page
    link = page.partition("/console/invoices/credit-notes/")[2].partition('"')[0]
    document = await shop.client.get(f"/console/invoices/credit-notes/{link}")
    assert document.headers["content-disposition"] == 'attachment; filename="CN-2026-00001.pdf"'


@pytest.mark.parametrize(
    "typed, said",
    [
        ({"scope": "amount", "amount": "a lot"}, "The amount must be an amount such as 250.00."),
        ({"scope": "amount", "amount": "Infinity"}, "The amount must be an amount such as 250.00."),
        ({"scope": "amount", "amount": "1,000"}, "The amount must be an amount such as 250.00."),
        ({"scope": "amount", "amount": "1e2"}, "The amount must be an amount such as 250.00."),
        ({"scope": "amount", "amount": "0.001"}, "The amount must be an amount such as 250.00."),
        ({"scope": "amount", "amount": "655"}, "The amount must be from R0,01 to R654,00, what is left."),
        ({"scope": "lines"}, "The lines must name a line."),
        ({"scope": "all"}, "The scope must be one of whole, amount, lines."),
        ({"settlement": "gift"}, "The settlement must be one of refund, credit."),
        ({"action": "issue", "reason": " "}, "The reason must say why, in 500 characters at most."),
    ],
)
async def test_what_was_typed_wrong_is_said_and_kept(shop: Shop, typed: dict[str, str], said: str) -> None:
    _, _, path = await opened(shop)
    answer = await shop.client.post(f"{path}/credit", data={"reason": "why", "action": "preview"} | typed)
    assert (answer.status_code, said in answer.text) == (422, True)


async def test_a_line_that_is_too_much_is_named(shop: Shop) -> None:
    _, invoice, path = await opened(shop)
    id = invoice.lines[0].id
    assert id is not None
    typed = {"scope": "lines", f"line-{public_id('iln', id)}": "126", "reason": "why", "action": "preview"}
    answer = await shop.client.post(f"{path}/credit", data=typed)
    assert "Agent executions: what is taken back must be from R0,01 to R125,00, what is left of it." in answer.text
    field = answer.text.partition(f'name="line-{public_id("iln", id)}"')[2].partition(">")[0]
    assert 'aria-invalid="true"' in field
    assert answer.text.count("aria-invalid") == 1, "the one that is wrong, and no other"


async def test_paid_money_goes_back_or_stays(shop: Shop) -> None:
    customer, invoice = await paid_invoice(shop)
    await operator(shop)
    path = f"/console/invoices/{invoice.public_id}"
    typed = {"scope": "amount", "amount": "100", "reason": "why", "action": "preview"}
    back = (await shop.client.post(f"{path}/credit", data=typed)).text
    assert "R100,00 goes back through the gateway." in back
    kept = (await shop.client.post(f"{path}/credit", data=typed | {"settlement": "credit"})).text
    assert "R100,00 stays as credit" in kept
    payment = await the_payment(shop, invoice)
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, payment.id, amount=Money(20_000, "ZAR"), reference="by hand")
    await shop.worker.drain()
    assert "R200,00 went back without a credit note" in (await shop.client.get(path)).text
    for amount, follows in {
        "150": "R150,00 went back already, and nothing more is sent.",
        "200": "R200,00 went back already, and nothing more is sent.",
        "250": "R50,00 goes back through the gateway, beside R200,00 that went back already.",
    }.items():
        assert follows in (await shop.client.post(f"{path}/credit", data=typed | {"amount": amount})).text
    await shop.client.post(f"{path}/credit", data={"reason": "why", "action": "issue"})
    await shop.worker.drain()
    page = (await shop.client.get(path)).text
    assert "went back without" not in page
    assert "sent back the way it was paid" in page
    assert f"{path}/credit" not in page
    refused = await shop.client.post(f"{path}/credit", data={"reason": "why", "action": "issue"})
    assert (refused.status_code, "Nothing is left to take back" in refused.text) == (409, True)
    assert (await shop.subscription(customer)).plan_key == "free"


async def test_an_invoice_is_voided_or_written_off_with_its_reason(shop: Shop) -> None:
    customer, _, path = await opened(shop)
    await shop.advance(days=31)
    second = await now(shop, customer)
    await sign_in(shop.client, shop.runtime, "olga@operator.example")
    assert (await shop.client.post(f"{path}/void", data={"reason": "sent twice"})).status_code == 303
    page = (await shop.client.get(path)).text
    assert "sent twice" in page
    assert 'data-opens="void"' not in page
    other = f"/console/invoices/{second.public_id}"
    assert (await shop.client.post(f"{other}/write-off", data={"reason": "gone"})).status_code == 303
    assert "Written off on" in (await shop.client.get(other)).text
    assert (await now(shop, customer)).status is InvoiceStatus.UNCOLLECTIBLE
    again = await shop.client.post(f"{path}/void", data={"reason": "x"}, headers={"Accept": "text/html"})
    assert (again.status_code, "is void" in again.text) == (409, True)
