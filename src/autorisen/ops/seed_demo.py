"""The demo: an operator and two customers on Pro since two weeks, with an hour of real LLM traffic spread over them.

All of it goes through the same verbs and pages as real use: the customers pay their upgrade with a test card on the
sandbox's hosted page. Seeding again changes nothing; an interrupted seeding goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx

from autorisen import accounts, billing, catalog, metering, subscriptions
from autorisen.kit.ids import Ids
from autorisen.kit.problems import Conflict
from autorisen.kit.unit import Runtime, Unit
from autorisen.kit.work import Worker
from autorisen.ops.apply_catalog_text import apply_catalog_text

AGE = timedelta(days=14)
# The traces are an hour long: stretched so, they end shortly before now.
STRETCH = Decimal(330)
TEST_CARD = "4242 4242 4242 4242"
KEY_NAME = "Demo"


class DemoPaymentFailed(Conflict):
    """The sandbox's page did not take the test card."""

    code, title = "demo_payment_failed", "The demo's payment did not go through"


@dataclass(frozen=True)
class DemoCustomer:
    """One customer of the demo: which trace is its usage, and who signs in for it."""

    key: str
    name: str
    email: str
    trace: str


CUSTOMERS = (
    DemoCustomer("azure-code", "Azure Code", "code@demo.example", "code"),
    DemoCustomer("azure-conv", "Azure Conversation", "conversation@demo.example", "conv"),
)
OPERATOR_EMAIL = "operator@demo.example"


@dataclass(frozen=True)
class SignIn:
    """How a person of the demo signs in."""

    email: str
    password: str


@dataclass(frozen=True)
class DemoSecrets:
    """What the demo's people and programs use. Made once per installation, kept beside its data, never shipped."""

    customer: SignIn
    second_customer: SignIn
    operator: SignIn
    api_key: str = ""
    complete: bool = False


def load_secrets(path: Path, ids: Ids) -> DemoSecrets:
    """The stored secrets, or new ones, stored at once: an interrupted seeding must not lock anybody out."""
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        return DemoSecrets(
            customer=SignIn(**stored["customer"]),
            second_customer=SignIn(**stored["second_customer"]),
            operator=SignIn(**stored["operator"]),
            api_key=stored["api_key"],
            complete=stored["complete"],
        )
    secrets = DemoSecrets(
        customer=SignIn(CUSTOMERS[0].email, ids.token(12)),
        second_customer=SignIn(CUSTOMERS[1].email, ids.token(12)),
        operator=SignIn(OPERATOR_EMAIL, ids.token(12)),
    )
    save_secrets(path, secrets)
    return secrets


def save_secrets(path: Path, secrets: DemoSecrets) -> None:
    """Write them where only the owner of the installation can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(secrets), indent=2), encoding="utf-8")
    draft.replace(path)


async def seed_accounts(past: Runtime, worker: Worker, browser: httpx.AsyncClient, secrets_path: Path) -> DemoSecrets:
    """Seed everything but the usage. The clock of `past` stands `AGE` ago; the worker and the browser run on it."""
    secrets = load_secrets(secrets_path, past.ids)
    async with past.unit() as unit:
        await apply_catalog_text(unit, catalog.shipped_catalog())
        if await accounts.user_by_email(unit.tx, OPERATOR_EMAIL) is None:
            await accounts.create_user(
                unit, email=OPERATOR_EMAIL, password=secrets.operator.password, name="Demo operator", is_operator=True
            )
    for demo, sign_in in zip(CUSTOMERS, (secrets.customer, secrets.second_customer), strict=True):
        customer = await _customer(past, demo, sign_in)
        await worker.drain()
        await _upgrade(past, customer, browser)
        await worker.drain()
    if not secrets.api_key:
        async with past.unit() as unit:
            scopes = [scope.value for scope in accounts.Scope]
            _, api_key = await accounts.create_api_key(unit, customer_id=None, name=KEY_NAME, scopes=scopes)
        secrets = replace(secrets, api_key=api_key)
        save_secrets(secrets_path, secrets)
    return secrets


async def seed_usage(runtime: Runtime, secrets_path: Path, progress: Callable[[str, int, int], None]) -> None:
    """Backfill the traces, each moved to the start of its customer's Pro plan and stretched until about now.

    `progress` is told the customer's key, the rows done and the rows in all.
    """
    for demo in CUSTOMERS:
        async with runtime.unit() as unit:
            begins_at = await _pro_since(unit, demo)
        options = metering.BackfillOptions(
            columns=metering.EXAMPLE_COLUMNS,
            type="llm.completion",
            source="azure-llm-trace-2023",
            subject=demo.key,
            shift_to=begins_at,
            stretch=STRETCH,
        )

        def show(done: int, total: int, key: str = demo.key) -> None:
            progress(key, done, total)

        file = metering.open_file(metering.example_file(demo.trace))
        await metering.backfill_file(runtime, file, options, actor="demo", tag=f"demo {demo.key}", on_progress=show)
    save_secrets(secrets_path, replace(load_secrets(secrets_path, runtime.ids), complete=True))


async def _customer(past: Runtime, demo: DemoCustomer, sign_in: SignIn) -> accounts.Customer:
    async with past.unit() as unit:
        known = await accounts.customer_ids_by_key(unit.tx, [demo.key])
        if demo.key in known:
            return await accounts.customer(unit.tx, known[demo.key])
        customer = await accounts.create_customer(unit, key=demo.key, name=demo.name, email=demo.email)
        customer = await accounts.update_customer(
            unit,
            customer_id=customer.id,
            name=customer.name,
            email=customer.email,
            country=customer.country,
            time_zone=customer.time_zone,
            billing_address="1 Example Street\nCape Town\n8001",
            vat_number="",
            actor="demo",
        )
        user = await accounts.create_user(unit, email=demo.email, password=sign_in.password, name=demo.name)
        await accounts.add_member(unit, customer_id=customer.id, user_id=user.id)
        return customer


async def _upgrade(past: Runtime, customer: accounts.Customer, browser: httpx.AsyncClient) -> None:
    async with past.database.read() as tx:
        subscription = await subscriptions.subscription_of(tx, customer.id)
    if subscription is not None and subscription.plan_key == "pro":
        return
    checkout = await billing.start_upgrade(past, customer_id=customer.id, plan_key="pro", interval="month")
    expiry = f"12/{(past.wall.now().year + 4) % 100:02}"
    answer = await browser.post(f"{checkout.url}/pay", data={"number": TEST_CARD, "expiry": expiry, "cvc": "123"})
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise DemoPaymentFailed(f"the hosted page answered {answer.status_code}")


async def _pro_since(unit: Unit, demo: DemoCustomer) -> datetime:
    known = await accounts.customer_ids_by_key(unit.tx, [demo.key])
    subscription = await subscriptions.subscription_of(unit.tx, known[demo.key])
    if subscription is None or subscription.plan_key != "pro":
        raise DemoPaymentFailed(f"{demo.key} is not on Pro; run `autorisen demo seed` again")
    return subscription.anchor_at
