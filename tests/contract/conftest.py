"""An installation that is in use, served on loopback, and its callers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
import uvicorn

from autorisen import billing, payments, subscriptions
from autorisen.accounts import Customer
from autorisen.app import create_app
from autorisen.billing import wallet
from autorisen.cli.session import in_process
from autorisen.kit.clock import FrozenClock
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Worker
from autorisen.worker import registry
from tests.factories.accounts import PASSWORD, make_customer, make_key, make_member
from tests.factories.addons import pro_with
from tests.factories.billing import Shop, a_draft_like
from tests.factories.catalog import apply_text
from tests.factories.coupons import coupon_text
from tests.factories.payments import FAILS_LATER, SUCCEEDS, WEBHOOK, signed

SETTINGS = Settings(secret_key="a-secret-key-for-tests-only-0123456789", public_url="http://127.0.0.1")
MEMBER = "ann@acme.example"
# A coupon that every caller can redeem for the same customer.
MANY_TIMES = 'percent = "1"\nduration = "once"\none_per_customer = false'


@dataclass(frozen=True)
class Seeded:
    """What there is: the headers of two keys, and the names of things that a request can ask for."""

    keys: dict[str, dict[str, str]]
    names: dict[str, str]


@dataclass(frozen=True)
class Served:
    """A server with the headers of each caller: operator and customer by key, a member by session."""

    url: str
    callers: dict[str, dict[str, str]]
    names: dict[str, str]


async def _make_free(shop: Shop) -> None:
    """Two customers of the Free plan: one that was never on another, one whose card is kept."""
    await shop.customer("dune")
    ebb = await shop.customer("ebb")
    await shop.upgrade(ebb, card=FAILS_LATER)
    async with shop.runtime.unit() as unit:
        await subscriptions.cancel_now(unit, (await shop.subscription(ebb)).id)


async def _seed(runtime: Runtime) -> Seeded:
    """Forty days ago two customers bought Pro; one period of usage was invoiced since, one of them could not pay it."""
    await runtime.database.open()
    begun = FrozenClock(runtime.clock.now() - timedelta(days=40))
    async with in_process(replace(runtime, clock=begun)) as (past, browser):
        shop = Shop(past, Worker(past, registry()), browser, begun)
        acme, bolt = await shop.customer("acme"), await shop.customer("bolt")
        crag = await shop.customer("crag")
        for customer, card in ((acme, SUCCEEDS), (bolt, FAILS_LATER), (crag, FAILS_LATER)):
            await shop.upgrade(customer, card=card)
            await shop.use(customer, 3, prefix=f"then-{customer.key}")
        await _make_free(shop)
        await shop.advance(days=35)
        await shop.advance(days=5)
        await shop.use(acme, 2, prefix="now")
        await _lost_news(past, shop)
        page = await wallet.start_top_up(runtime, customer_id=acme.id, amount=Money(60_000, "ZAR"))
        await shop.pay(page.url)
        dunned = (await shop.invoices(crag))[-1]
        documents = await _documents(past, shop, acme, bolt)
        paid, unpaid = (await shop.invoices(acme))[1], (await shop.invoices(bolt))[1]
        subscription = await shop.subscription(acme)
        assert (paid.status, unpaid.status) == (billing.InvoiceStatus.PAID, billing.InvoiceStatus.OPEN)
    async with runtime.unit() as unit:
        await make_member(unit, acme.id, email=MEMBER)
        (bought,) = await wallet.grants_of(unit.tx, acme.id)
        (parked,) = await payments.list_deliveries(unit.tx, status=payments.DeliveryStatus.PARKED)
        await _offer_more(unit)
        keys = {"operator": await make_key(unit, None), "customer": await make_key(unit, acme.id)}
    await runtime.database.close()
    names = {
        "customer": acme.key,
        "customer_id": acme.public_id,
        "invoice_id": paid.public_id,
        "unpaid_id": unpaid.public_id,
        "dunned_id": dunned.public_id,
        "bought_id": bought.public_id,
        **documents,
        "subscription_id": subscription.public_id,
        "delivery_id": public_id("whd", parked.id),
    }
    return Seeded(keys, names)


async def _offer_more(unit: Unit) -> None:
    """A catalog with an add-on and a coupon, and a customer of the plan that sells the add-on."""
    await apply_text(unit, pro_with() + coupon_text(MANY_TIMES))
    await subscriptions.start_subscription(unit, customer=await make_customer(unit, key="fern"), plan_key="pro")


async def _lost_news(past: Runtime, shop: Shop) -> None:
    """News of a kind that nobody knows, which are parked."""
    headers, body = signed(past, {"id": "sev_lost", "type": "payment.vanished", "mode": "test", "data": {}})
    assert (await shop.client.post(WEBHOOK, headers=headers, content=body)).is_success
    await shop.worker.drain()


async def _documents(past: Runtime, shop: Shop, acme: Customer, bolt: Customer) -> dict[str, str]:
    """An invoice with a credit note, and two open ones that may be ended, by the names that calls use."""
    first, theirs = (await shop.invoices(acme))[0], (await shop.invoices(bolt))[0]
    note = await _a_credit_note(past, first)
    ended = await _two_open_invoices(past, theirs)
    await shop.worker.drain()
    names = dict(zip(("void_id", "lost_id"), (each.public_id for each in ended), strict=True))
    return names | {"credited_id": first.public_id, "credit_note_id": note.public_id}


async def _a_credit_note(past: Runtime, invoice: billing.Invoice) -> billing.CreditNote:
    """A rand of a paid invoice, taken back."""
    request = billing.CreditRequest("tests", billing.Wanted(amount=Money(100, "ZAR")))
    async with past.unit() as unit:
        return await billing.issue_credit_note(unit, invoice.id, request, actor="tests")


async def _two_open_invoices(past: Runtime, like: billing.Invoice) -> list[billing.Invoice]:
    async with past.unit() as unit:
        return [await billing.issue_invoice(unit, a_draft_like(like)) for _ in range(2)]


def _session(url: str) -> dict[str, str]:
    """The headers of a browser in which the member has signed in."""
    answer = httpx.post(f"{url}/api/auth/login", json={"email": MEMBER, "password": PASSWORD}, headers={"Origin": url})
    assert answer.status_code == 200, answer.text
    cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    return {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def served(postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The application on a port of its own, with what `_seed` made."""
    home: Path = tmp_path_factory.mktemp("contract")
    database = home.name.replace("-", "_")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}".encode())
    ours = replace(SETTINGS, home=home, log_level="error")
    seeded = asyncio.run(_seed(make_runtime(ours, postgres.url(database))))
    app = create_app(make_runtime(ours, postgres.url(database)))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield Served(url, {**seeded.keys, "session": _session(url)}, seeded.names)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
