"""An installation that is in use, served on loopback, and its callers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from autorisen import billing, payments, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import wallet
from autorisen.cli.session import in_process
from autorisen.kit.clock import FrozenClock
from autorisen.kit.embedded_postgres import EmbeddedPostgres
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.ports import bind
from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.worker import registry
from tests.factories.accounts import PASSWORD, make_key, make_member
from tests.factories.billing import Shop, a_draft_like
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text
from tests.factories.payments import FAILS_LATER, SUCCEEDS, WEBHOOK, signed

SETTINGS = Settings(secret_key="a-secret-key-for-tests-only-0123456789", public_url="http://127.0.0.1")
MEMBER = "ann@acme.example"
START_SECONDS = 60
STOP_SECONDS = 30
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
        await apply_text(unit, catalog_with(coupon_text(MANY_TIMES)))
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
    with _web_process(ours, postgres.url(database)) as url:
        yield Served(url, {**seeded.keys, "session": _session(url)}, seeded.names)


@contextmanager
def _web_process(ours: Settings, database_url: str) -> Iterator[str]:
    """`autorisen web` on a free port, until it has ended well.

    In a process of its own: the server's libraries draw from Python's global random state (psycopg's pool for each new
    connection), and Hypothesis fails a test in whose process that happens while it makes an example.
    """
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "AUTORISEN_HOME": str(ours.home),
        "SECRET_KEY": ours.secret_key,
        "PUBLIC_URL": ours.public_url,
        "LOG_LEVEL": ours.log_level,
    }
    log = ours.home / "web.log"
    with bind("127.0.0.1", 0) as listener, log.open("wb") as output:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        fd = listener.fileno()
        command = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "autorisen",
            "web",
            "--fd",
            str(fd),
            "--parent",
            str(os.getpid()),
        ]
        process = subprocess.Popen(command, env=environment, pass_fds=[fd], stdout=output, stderr=output)
    try:
        # The port listens already: this waits for the start, and is refused when there is none.
        assert httpx.get(f"{url}/api/health", timeout=START_SECONDS).status_code == 200, log.read_text()
        yield url
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
