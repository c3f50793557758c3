"""The audit finds nothing in an honest house, and names every planted fault to the row and the cent."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import httpx
import pytest

from autorisen import billing, payments
from autorisen.billing.audit import check_usage
from autorisen.billing.audit.run_audit import run_checks
from autorisen.billing.credit_notes.issue_credit_note import Request, issue_credit_note
from autorisen.billing.credit_notes.model import Settlement, Wanted
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.kit.findings import Findings
from autorisen.kit.mail import mails
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime
from autorisen.kit.work.perform import perform_next
from autorisen.payments.store import payments_for
from autorisen.worker import registry
from tests.billing.audit.fault import Fault
from tests.billing.audit.planted_faults import DOCUMENT_FAULTS
from tests.billing.audit.planted_money_faults import MONEY_FAULTS
from tests.factories.accounts import make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.payments import DISPUTED, FAILS_LATER, SUCCEEDS
from tests.factories.wallet import Purse

FAULTS = (*DOCUMENT_FAULTS, *MONEY_FAULTS)


async def story(shop: Shop) -> None:
    """A month of six customers: one pays, one can't, one disputes, one is refunded, one pays twice, one has credits."""
    acme = await shop.customer("acme")
    await shop.upgrade(acme)
    broke = await shop.customer("broke")
    await shop.upgrade(broke, card=FAILS_LATER)
    await shop.upgrade(await shop.customer("angry"), card=DISPUTED)
    sorry = await shop.customer("sorry")
    await shop.upgrade(sorry)
    (paid,) = await shop.invoices(sorry)
    stray = await shop.customer("stray")
    pro = await billing.start_upgrade(shop.runtime, customer_id=stray.id, plan_key="pro", interval="month")
    big = await billing.start_upgrade(shop.runtime, customer_id=stray.id, plan_key="enterprise", interval="month")
    await shop.pay(pro.url)
    await shop.pay(big.url)
    await shop.advance(days=2)
    await shop.use(acme, 2_500)
    rich = await shop.customer("rich")
    await shop.upgrade(rich)
    await Purse(shop, rich).give(60_000)
    for card in (SUCCEEDS, DISPUTED):
        buyer = await shop.customer(f"buyer-{card[-4:]}")
        checkout = await start_top_up(shop.runtime, customer_id=buyer.id, amount=Money(5_000, "ZAR"))
        await shop.pay(checkout.url, card)
    async with shop.runtime.unit() as unit:
        await payments.refund_payment(unit, (await payments_for(unit.tx, paid.reference))[-1].id)
    await shop.advance(days=31, hours=2)
    async with shop.runtime.unit() as unit:
        for customer, settlement in ((acme, Settlement.REFUND), (rich, Settlement.CREDIT), (broke, Settlement.DUE)):
            invoice = (await shop.invoices(customer))[-1]
            wanted = Wanted(amount=Money(10_001, "ZAR"))
            await issue_credit_note(unit, invoice.id, Request("tests", wanted, settlement), actor="tests")
    await shop.worker.drain()


def kinds(found: list[Findings]) -> tuple[str, ...]:
    return tuple(sorted(each.kind for findings in found for each in findings.listed))


class Enough(Exception):
    """Roll back."""


async def plant(shop: Shop, fault: Fault, found: list[Findings]) -> None:
    """What the checks say while the fault is there; it goes with its transaction."""
    async with shop.runtime.database.transaction() as tx:
        # Only a superuser can do this, and only on purpose.
        await tx.execute("SET LOCAL session_replication_role = replica")
        for statement in fault.statements:
            hit = await tx.execute(statement.replace("%%", "%").encode())
            assert hit.rowcount or statement.startswith("ALTER"), f"nothing was planted by {statement}"
        found += await run_checks(tx)
        raise Enough


async def test_every_planted_fault_is_named_and_nothing_else(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # A few at a time, so that the walk along closings has more than one stop.
    monkeypatch.setattr(check_usage, "_CLOSINGS_AT_ONCE", 2)
    monkeypatch.setattr(check_usage, "_EVENTS_AT_ONCE", 0)
    await story(shop)
    async with shop.runtime.database.read(snapshot=True) as tx:
        honest = await run_checks(tx)
    assert [one for each in honest for one in each.listed] == []
    assert all(each.compared for each in honest), [each.check for each in honest if not each.compared]
    said = {}
    for fault in FAULTS:
        found: list[Findings] = []
        with pytest.raises(Enough):
            await plant(shop, fault, found)
        said[fault.name] = (kinds(found), sum(each.cents for each in found))
        for each in (one for findings in found for one in findings.listed):
            assert each.row
            assert each.expected != each.found
    assert said == {fault.name: (fault.kinds, fault.cents) for fault in FAULTS}


async def test_a_report_is_kept_and_what_is_wrong_is_told(shop: Shop, client: httpx.AsyncClient) -> None:
    await story(shop)
    runtime = shop.runtime
    told: list[tuple[int, int]] = []
    clean = await billing.audit(runtime, actor="tests", progress=lambda done, total: told.append((done, total)))
    assert (clean.findings, clean.cents, clean.digest) == (0, 0, sha256(clean.document.encode()).hexdigest())
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 50
    async with runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", operator=True)
        await unit.tx.execute("SET LOCAL session_replication_role = replica")
        await unit.tx.execute(
            "UPDATE billing.invoice_numbers SET last_number = last_number + 5 WHERE series LIKE 'INV%'"
        )
    shop.clock.advance(timedelta(minutes=1))
    wrong = await billing.audit(runtime, actor="tests")
    async with runtime.database.read() as tx:
        assert [each.id for each in await billing.list_audits(tx, limit=2)] == [wrong.id, clean.id]
        assert await billing.latest_audit(tx) == await billing.latest_audit(tx)
        assert (await billing.audit_report(tx, wrong.id)).document == wrong.document
        (mail,) = [each for each in await mails(tx) if each.message.subject == "Audit: 1 findings"]
    assert f"/console/audits/{wrong.public_id}" in mail.message.text
    await sign_in(client, runtime, "olga@operator.example")
    listed = (await client.get("/console/audits")).text
    assert "explained" in listed
    page = (await client.get(f"/console/audits/{wrong.public_id}")).text
    for expected in ("number counter", "INV-2026", "1 findings", wrong.digest):
        assert expected in page
    assert "Every cent follows from the facts" in (await client.get(f"/console/audits/{clean.public_id}")).text
    file = await client.get(f"/console/audits/{wrong.public_id}/report.json")
    assert file.text == wrong.document
    assert (await client.get(f"/console/audits/aud_{'0' * 26}")).status_code == 404
    health = {each["name"]: each for each in (await client.get("/services/health")).json()["components"]}
    assert health["audit"]["state"] == "degraded"
    assert "autorisen_audit_findings 1.0" in (await client.get("/metrics")).text


async def test_it_runs_every_night(shop: Shop) -> None:
    async with shop.runtime.database.read() as tx:
        assert await billing.latest_audit(tx) is None
    await shop.customer()
    await shop.advance(days=1)
    async with shop.runtime.database.read() as tx:
        kept = await billing.latest_audit(tx)
    assert kept is not None
    assert (kept.actor, kept.findings) == ("nightly audit", 0)


async def test_money_whose_news_are_on_their_way_is_no_finding(shop: Shop, runtime: Runtime) -> None:
    """A payment is applied by a handler a moment after it succeeded; only what gave up is a finding."""
    customer = await shop.customer()
    checkout = await billing.start_upgrade(runtime, customer_id=customer.id, plan_key="pro", interval="month")
    card = {"number": SUCCEEDS, "expiry": "12/30", "cvc": "123"}
    await shop.client.post(f"{httpx.URL(checkout.url).path}/pay", data=card)

    async def succeeded() -> bool:
        async with runtime.database.read() as tx:
            return any(each.succeeded_at for each in await payments.list_payments(tx, customer_id=None, limit=10))

    while not await succeeded():
        assert await perform_next(runtime, registry())
    async with runtime.database.read() as tx:
        assert kinds(await run_checks(tx)) == ()
    async with runtime.unit() as unit:
        await unit.tx.execute("UPDATE kit.jobs SET state = 'dead', died_at = now() WHERE kind IN ('fact', 'handle')")
    async with runtime.database.read() as tx:
        assert kinds(await run_checks(tx)) == ("gateway_balance", "payment_lost")
