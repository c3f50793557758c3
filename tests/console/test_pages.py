"""The operator's console: who may see it, what it shows empty, what it shows after a month of business."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
import pytest

from autorisen import billing, catalog, payments, subscriptions
from autorisen.accounts import audit_log
from autorisen.kit.clock import FrozenClock
from autorisen.kit.mail import Message, send
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker, enqueue
from autorisen.kit.work.store import list_jobs
from tests.factories.accounts import make_customer, make_member, make_user, sign_in
from tests.factories.addons import pro_with
from tests.factories.catalog import apply_shipped, apply_text, catalog_of
from tests.factories.coupons import coupon_text
from tests.factories.payments import WEBHOOK, signed

PAGES = (
    "/console",
    "/console/catalog",
    "/console/customers",
    "/console/invoices",
    "/console/deliveries",
    "/console/work",
    "/console/health",
    "/console/clock",
    "/console/mail",
    "/console/month-end",
    "/console/revenue",
)


@pytest.fixture
async def console(client: httpx.AsyncClient, runtime: Runtime) -> httpx.AsyncClient:
    """A browser that is signed in as an operator."""
    async with runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", name="Olga", operator=True)
    await sign_in(client, runtime, "olga@operator.example")
    return client


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_needs_an_operator(client: httpx.AsyncClient, runtime: Runtime, path: str) -> None:
    answer = await client.get(path, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
    async with runtime.unit() as unit:
        await make_member(unit, (await make_customer(unit)).id)
    await sign_in(client, runtime)
    assert (await client.get(path, headers={"accept": "text/html"})).status_code == 403


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_teaches_when_it_is_empty(console: httpx.AsyncClient, path: str) -> None:
    answer = await console.get(path)
    assert answer.status_code == 200
    assert 'aria-current="page"' in answer.text or path in {"/console/mail", "/console/clock"}
    assert "None" not in re.sub(r"<[^>]+>", "", answer.text)


async def test_the_catalog_shows_prices_by_dimension_and_what_is_announced(
    console: httpx.AsyncClient, runtime: Runtime, worker: Worker
) -> None:
    cells = 'cell = [{ match = { model = "large" }, price = [{ currency = "ZAR", amount = "1.00" }] }]'
    usage = f'included = 9\noverage = true\n{cells}\nprice = [{{ currency = "ZAR", amount = "0.10" }}]'
    text = catalog_of(usage, fee="99.00").replace("value_path", 'group_by = ["model"]\nvalue_path')
    text += coupon_text(codes='{ code = "LAUNCH", max_redemptions = 1000, valid_until = 2026-06-01T00:00:00Z }')
    async with runtime.unit() as unit:
        await apply_text(unit, text)
        await subscriptions.start_subscription(unit, customer=await make_customer(unit), plan_key="tested")
    async with runtime.unit() as unit:
        await apply_text(unit, "effective_from = 2026-07-01T00:00:00Z\n" + text.replace("99.00", "109.00"))
    page = re.sub(r"<[^>]+>", " ", (await console.get("/console/catalog")).text).replace("\N{NO-BREAK SPACE}", " ")
    for shown in (
        "Tested, version 1",
        "1 live subscription to any version",
        "R99,00",
        "API use by model: 2 prices",
        "R1,00 per unit",
    ):
        assert shown in page
    for shown in ("Tested, version 2", "LAUNCH", "20 % off, once", "until 1 Jun 2026", "0 of 1 000"):
        assert shown in page
    assert "From 1 Jul 2026" in page


async def test_the_catalog_shows_the_limits_of_a_plan(console: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
    page = (await console.get("/console/catalog")).text.replace("\N{NO-BREAK SPACE}", " ")
    for name, limits in {
        "Free": (
            "Agents 3",
            "Executions a month 50",
            "Projects 3",
            "Storage 512 MB",
            "Reply from support within 48 hours",
        ),
        "Pro": ("Agents 50", "Storage 5 GB", "Agent executions 2 000 a month", "Trial 14 days"),
        "Enterprise": ("Executions a month 8 000", "Projects Unlimited", "Reply from support within 4 hours"),
    }.items():
        table = page.partition(f"Prices of {name}")[2].partition("</table>")[0]
        rows = [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in re.findall("<tr>.*?</tr>", table, re.DOTALL)]
        for limit in limits:
            assert any(row.startswith(limit) for row in rows), (name, limit)
        assert any(row.startswith("Trial") for row in rows) == (name == "Pro")


async def test_the_catalog_shows_the_add_ons_of_a_plan(console: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
    assert "Add-on" not in (await console.get("/console/catalog")).text, "no plan has any"
    async with runtime.unit() as unit:
        await apply_text(unit, pro_with())
    page = (await console.get("/console/catalog")).text
    table = page.partition("Add-ons of Pro")[2].partition("</table>")[0]
    cells = [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall("<td.*?</td>", table)]
    assert cells == [
        "Extra agents",
        "2 agents",
        "50",
        "R49,00 per agent a month; R490,00 per agent a year",
        "US$3,00 per agent a month",
    ]


async def test_a_customer_is_found_and_shown(console: httpx.AsyncClient, runtime: Runtime, worker: Worker) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
        acme = await make_customer(unit, key="acme", name="Acme <b>Agents</b>")
        await make_customer(unit, key="other", name="Somebody Else")
        await make_member(unit, acme.id)
    await worker.drain()
    page = (await console.get("/console/customers?search=acme")).text
    assert "Acme &lt;b&gt;Agents&lt;/b&gt;" in page
    assert "Somebody Else" not in page
    assert "Nobody matches" in (await console.get("/console/customers?search=zebra")).text
    page = (await console.get(f"/console/customers/{acme.public_id}")).text
    for expected in ("Cost so far", "Free", "ann@acme.example", "Customer: created", "Agent executions"):
        assert expected in page
    assert (await console.get(f"/console/customers/cus_{'0' * 26}")).status_code == 404
    assert (await console.get("/console/customers/nonsense")).status_code == 404


async def test_a_parked_delivery_is_explained_and_replayed(
    console: httpx.AsyncClient, runtime: Runtime, worker: Worker
) -> None:
    body = {"id": "sev_1", "type": "payment.vanished", "mode": "test", "data": {}}
    headers, raw = signed(runtime, body)
    assert (await console.post(WEBHOOK, headers=headers, content=raw)).status_code < 300
    await worker.drain()
    async with runtime.database.read() as tx:
        parked = (await payments.list_deliveries(tx, status=payments.DeliveryStatus.PARKED))[0]
    page = (await console.get("/console/deliveries?status=parked")).text
    assert "payment.vanished" in page
    assert "1 delivery is parked" in (await console.get("/console")).text
    page = (await console.get(f"/console/deliveries/{parked.public_id}")).text
    assert "Parked" in page
    assert "&#34;payment.vanished&#34;" in page
    answer = await console.post(f"/console/deliveries/{parked.public_id}/replay")
    assert answer.status_code == 303
    async with runtime.database.read() as tx:
        again = await payments.delivery(tx, parked.id)
        assert again is not None
        assert again.replays == 1
        assert (await audit_log(tx, target=parked.public_id))[0].action == "delivery.replayed"
    assert (await console.post(f"/console/deliveries/{parked.public_id}/replay")).status_code == 409
    assert (await console.get(f"/console/deliveries/whd_{'0' * 26}")).status_code == 404


async def test_a_job_that_gave_up_is_shown_with_its_reason_and_tried_again(
    console: httpx.AsyncClient, runtime: Runtime, worker: Worker, clock: FrozenClock
) -> None:
    async with runtime.unit() as unit:
        await enqueue(unit, "billing.collect", {"invoice_id": "not one"})
    for _ in range(21):
        await worker.drain()
        clock.advance(timedelta(hours=2))
    # The operator's session has ended meanwhile.
    await sign_in(console, runtime, "olga@operator.example")
    page = (await console.get("/console/work")).text
    assert "billing.collect" in page
    assert "ValueError" in page
    assert "1 job has given up" in (await console.get("/console")).text
    found = re.search(r"/console/work/(job_\w+)/retry", page)
    assert found is not None
    assert (await console.post(f"/console/work/{found[1]}/retry")).status_code == 303
    async with runtime.database.read() as tx:
        assert await list_jobs(tx, state="dead") == []
    assert (await console.post(f"/console/work/{found[1]}/retry")).status_code == 404


async def test_mails_of_the_sandbox_can_be_read(console: httpx.AsyncClient, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        id = await send(unit, Message("ann@acme.example", "Your invoice", "Dear Ann, R529.00"))
        await send(unit, Message("bob@other.example", "Not this one", "..."))
    page = (await console.get("/console/mail?recipient=ann@acme.example")).text
    assert "Your invoice" in page
    assert "Not this one" not in page
    found = re.search(r"/console/mail/(mail_\w+)", page)
    assert found is not None
    assert "Dear Ann, R529.00" in (await console.get(f"/console/mail/{found[1]}")).text
    assert (await console.get(f"/console/mail/mail_{'0' * 26}")).status_code == 404
    assert id is not None


async def arrival(console: httpx.AsyncClient) -> str:
    """The clock's page once the clock stands still again."""
    for _ in range(1_000):
        page = (await console.get("/console/clock")).text
        if "The last move" in page:
            return page
        assert 'hx-get="/console/clock"' in page
        await asyncio.sleep(0.02)
    raise AssertionError("the clock never arrived")


async def test_the_clock_moves_a_month_and_the_invoice_is_there(
    console: httpx.AsyncClient, runtime: Runtime, worker: Worker
) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)
        customer = await make_customer(unit)
    await worker.drain()
    async with runtime.unit() as unit:
        subscription = await subscriptions.subscription_of(unit.tx, customer.id)
        assert subscription is not None
        plan = await catalog.current_plan(unit.tx, "pro", unit.now)
        await subscriptions.change_plan(unit, subscription_id=subscription.id, plan_version=plan, at=unit.now)
    before = runtime.clock.now()
    answer = await console.post("/console/clock", data={"days": "40"})
    assert answer.status_code == 303
    page = await arrival(console)
    assert "hx-trigger" not in page
    assert runtime.clock.now() >= before + timedelta(days=40)
    async with runtime.database.read() as tx:
        invoices = await billing.list_invoices(tx, customer_id=customer.id)
        assert (await audit_log(tx, target="clock"))[0].action == "clock.advanced"
    assert invoices
    listed = (await console.get("/console/invoices?status=open")).text
    assert invoices[0].number is not None
    assert invoices[0].number in listed
    page = (await console.get(f"/console/invoices/{invoices[0].public_id}")).text
    assert "Pro" in page
    assert "No attempt yet" in page
    document = await console.get(f"/console/invoices/{invoices[0].public_id}/pdf")
    assert document.content.startswith(b"%PDF")
    assert "Revenue, ZAR" in (await console.get("/console")).text
    assert "No invoice is void" in (await console.get("/console/invoices?status=void")).text


@pytest.mark.parametrize(
    "form", [{"days": "0"}, {"days": "-1"}, {"days": "401"}, {"days": "1e3"}, {"days": "x"}, {"to": "soon"}, {}]
)
async def test_the_clock_refuses_what_is_no_way_forward(
    console: httpx.AsyncClient, runtime: Runtime, form: dict[str, str]
) -> None:
    before = runtime.clock.now()
    answer = await console.post("/console/clock", data=form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert runtime.clock.now() == before


async def test_a_second_move_waits_for_the_first(console: httpx.AsyncClient) -> None:
    first, second = await asyncio.gather(
        console.post("/console/clock", data={"days": "2"}), console.post("/console/clock", data={"days": "3"})
    )
    assert sorted([first.status_code, second.status_code]) == [303, 409]
    await arrival(console)
