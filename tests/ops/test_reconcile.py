"""A planted fault of each kind is found, named and shown to the event; what agrees is left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import psycopg
import pytest

from autorisen import metering, ops
from autorisen.accounts import Customer, audit_log
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.mail import mails
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.metering import Reconciliation, Scope
from autorisen.metering.control_totals import ids_digest
from tests.factories.accounts import make_key, make_user, sign_in
from tests.factories.billing import Shop
from tests.factories.metering import llm_event, send
from tests.ops.planted_faults import FAULTS, MORE_METERS, ROLLUP, probe

HOUR = "2026-03-04T07:00:00Z"


@dataclass
class House:
    shop: Shop
    customer: Customer
    operator: dict[str, str]

    @property
    def runtime(self) -> Runtime:
        return self.shop.runtime

    async def repaired(self) -> list[Any]:
        async with self.runtime.database.read() as tx:
            found = await tx.execute(
                "SELECT meter, before, after, actor, reconciliation_id FROM metering.rollup_repairs"
            )
            return await found.fetchall()

    async def plant(self, *statements: str) -> None:
        """Change what no code may change."""
        async with self.runtime.unit() as unit:
            tables = ("events", "batches", "rollups", "control_totals")
            for table in (*(f"metering.{each}" for each in tables), *(f"billing.{each}" for each in BILLING)):
                await unit.tx.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
            for statement in statements:
                found = await unit.tx.execute(statement.encode())
                assert found.rowcount, f"nothing was planted by {statement}"

    async def reconcile(self, *, full: bool = True, repair: bool = False) -> Reconciliation:
        now = self.runtime.clock.now()
        scope = Scope(None, now) if full else await ops.recent_scope(self.runtime)
        return await ops.reconcile(self.runtime, scope=scope, actor="tests", repair=repair)


BILLING = ("rated_usage", "invoice_lines", "invoices", "closings")


def listed(report: Reconciliation) -> list[dict[str, Any]]:
    document = metering.reconciliation_document(report)
    return [each for check in document["checks"] for each in check["listed"]]


def kinds(report: Reconciliation) -> list[str]:
    return sorted(each["kind"] for each in listed(report))


@pytest.fixture
async def house(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> House:
    """A closed and invoiced period with usage beyond its allowance, events of every kind of meter, a control total."""
    shop = Shop(runtime, worker, client, clock)
    customer = await shop.customer(address="1 Long Street")
    async with runtime.unit() as unit:
        meters = [*await metering.meters(unit.tx), *MORE_METERS]
        await metering.apply_meters(unit, meters)
        operator = await make_key(unit, None)
        await make_user(unit, email="olga@operator.example", name="Olga", operator=True)
    await shop.upgrade(customer)
    await shop.advance(days=4)
    events = [probe("p1", 10, "ann"), probe("p2", 30, "ben"), probe("p3", 20, "ann"), llm_event("e1", time=HOUR)]
    await send(client, operator, events)
    await shop.use(customer, 2_010)
    made = House(shop, customer, operator)
    await tell(made, 4, ["p1", "p2", "p3", "e1"])
    await shop.advance(days=28, hours=2)
    return made


async def tell(house: House, events: int, ids: Sequence[str] | None = None) -> None:
    total = {"source": "tests", "hour": HOUR, "events": events}
    total |= {} if ids is None else {"digest": f"{ids_digest(ids):016x}"}
    body = {"totals": [total]}
    answer = await house.shop.client.post("/api/control-totals", json=body, headers=house.operator)
    assert answer.status_code == 200, answer.text


async def test_what_agrees_is_left_in_peace(house: House) -> None:
    report = await house.reconcile()
    assert listed(report) == []
    document = metering.reconciliation_document(report)
    compared = {check["check"]: check["compared"] for check in document["checks"]}
    assert compared["control_totals"] == 1
    assert compared["receipts"] == 2
    assert compared["rollups"] >= 10
    assert (compared["rated_usage"], compared["invoice_lines"]) == (6, 3), "of the period before the upgrade as well"
    assert report.digest == sha256(report.document.encode()).hexdigest()
    async with house.runtime.database.read() as tx:
        assert [each.message.subject for each in await mails(tx) if "Reconcil" in each.message.subject] == []


@pytest.mark.parametrize("statements, expected", [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
async def test_a_planted_fault_is_found_and_named(house: House, statements: list[str], expected: list[str]) -> None:
    await house.plant(*statements)
    report = await house.reconcile()
    assert kinds(report) == expected, [each | {"events": ()} for each in listed(report)]
    assert report.differences == report.outstanding == len(expected)
    assert all(each["place"] and each["expected"] and each["found"] for each in listed(report))


def test_each_kind_has_a_planted_fault() -> None:
    assert {kind for _, _, kinds in FAULTS for kind in kinds} == set(metering.Kind)


@pytest.mark.parametrize(
    "events, ids, kind",
    [
        (5, None, "control_total_higher"),
        (3, None, "control_total_lower"),
        (4, ["p1", "p2", "p3", "x"], "control_total_other_events"),
    ],
)
async def test_a_wrong_control_total_is_found(house: House, events: int, ids: list[str] | None, kind: str) -> None:
    await tell(house, events, ids)
    (found,) = listed(await house.reconcile())
    assert (found["kind"], found["place"]) == (
        kind,
        {"producer": "operator", "source": "tests", "hour": "2026-03-04T07:00:00+00:00"},
    )
    assert found["note"].startswith("the producer's ids would name")
    listing = {"source": "tests", "hour": HOUR, "ids": ["p1", "p2", "p3", "lost"]}
    await house.shop.client.post("/api/control-totals/events", json=listing, headers=house.operator)
    (found,) = listed(await house.reconcile())
    named = {
        "control_total_higher": ["tests lost"],
        "control_total_lower": ["tests e1"],
        "control_total_other_events": ["tests lost", "tests e1"],
    }
    assert (found["events"], found["note"]) == (named[kind], "")


async def test_differences_are_named_to_the_event(house: House) -> None:
    await house.plant(
        "DELETE FROM metering.batches WHERE accepted = 4",
        "UPDATE metering.rollups SET quantity = 7 WHERE meter LIKE 'probe.sum%' AND dimensions LIKE '%ann%'",
    )
    by_kind = {each["kind"]: each for each in listed(await house.reconcile())}
    assert by_kind["events_without_receipt"]["events"] == ["tests e1", "tests p1", "tests p2", "tests p3"]
    rollup = by_kind["rollup_quantity"]
    assert rollup["place"] == {
        "customer": public_id("cus", house.customer.id),
        "meter": "probe.sum",
        "hour": "2026-03-04T07:00:00+00:00",
        "dimensions": '{"u":"ann"}',
    }
    assert (rollup["expected"], rollup["found"]) == ("30 of 2 events", "7 of 2 events")
    assert {"tests p1", "tests p3"} <= set(rollup["events"])


async def test_late_usage_and_corrections_are_no_faults(house: House) -> None:
    """Goal: what came after the invoice is told apart from what was billed wrong."""
    await house.shop.advance(minutes=1)
    at = house.runtime.clock.now() - timedelta(days=10)
    await house.shop.use(house.customer, 3, at=at, prefix="late")
    async with house.runtime.unit() as unit:
        void = metering.Correction(metering.OPERATOR, "tests", "run-1", "void", "a test run")
        await metering.correct_events(unit, actor="tests", corrections=[void])
    report = await house.reconcile()
    assert listed(report) == []
    checks = {check["check"]: check for check in metering.reconciliation_document(report)["checks"]}
    assert checks["rated_usage"]["explained"] == 1
    await house.shop.advance(days=31)
    report = await house.reconcile()
    assert listed(report) == []
    assert metering.reconciliation_document(report)["checks"][3]["explained"] == 0, "the next invoice has it"


async def test_repair_counts_rollups_again_and_records_it(house: House) -> None:
    await house.plant(
        "UPDATE metering.rollups SET quantity = quantity * 2, events = events + 1",
        "DELETE FROM metering.unique_values",
        "UPDATE metering.batches SET accepted = 9 WHERE accepted = 4",
    )
    report = await house.reconcile(repair=True)
    assert (report.outstanding, report.repaired) == (1, report.differences - 1)
    assert all(each["is_repaired"] == (each["kind"] != "events_missing") for each in listed(report))
    assert kinds(await house.reconcile()) == ["events_missing"], "receipts and events are never changed"
    rows = await house.repaired()
    async with house.runtime.database.read() as tx:
        actions = [each.action for each in await audit_log(tx, limit=50)]
    assert ("agent.execution", 4_020, 2_010, "tests", report.id) in rows
    assert "rollups.repaired" in actions


async def test_what_was_billed_of_events_that_are_gone_shows_after_the_repair(house: House) -> None:
    await house.plant("DELETE FROM metering.events WHERE event_id = 'run-7'")
    await house.reconcile(repair=True)
    report = await house.reconcile()
    (rated,) = [each for each in listed(report) if each["kind"] == "rated_quantity"]
    assert (rated["expected"], rated["found"]) == ("2009 of 2009 events", "2010 of 2010 events")
    assert rated["events_total"] == 2_009
    assert rated["events"][0] == "tests run-0"


async def test_a_recent_scope_looks_at_what_came_to_older_hours(house: House) -> None:
    await house.plant(ROLLUP.format("quantity = quantity + 1", "llm.input_tokens"))
    assert kinds(await house.reconcile(full=False)) == [], "nothing came to that hour lately"
    await house.shop.advance(minutes=1)
    await send(house.shop.client, house.operator, [llm_event("e2", time="2026-03-04T07:59:00Z")])
    report = await house.reconcile(full=False)
    assert kinds(report) == ["rollup_quantity"]


async def test_the_nightly_job_reports_and_alerts(house: House) -> None:
    await send(house.shop.client, house.operator, [llm_event("e9", time=None)])
    await house.plant("DELETE FROM metering.batches WHERE accepted = 1")
    before = house.runtime.clock.now()
    await house.shop.advance(days=1)
    async with house.runtime.database.read() as tx:
        reports = await metering.list_reconciliations(tx)
        sent = [each.message for each in await mails(tx) if each.message.subject.startswith("Reconciliation")]
    (nightly,) = [each for each in reports if each.began_at > before]
    assert (nightly.actor, nightly.outstanding, nightly.scope.is_full) == (ops.NIGHTLY, 1, False)
    assert [each.recipient for each in sent] == ["olga@operator.example"]
    assert "1 at receipts" in sent[0].text
    assert f"/console/reconciliations/{nightly.public_id}" in sent[0].text
    health = (await house.shop.client.get("/services/health")).json()
    (part,) = [each for each in health["components"] if each["name"] == "reconciliation"]
    assert part["state"] == "degraded"
    assert "autorisen_reconciliation_differences 1.0" in (await house.shop.client.get("/metrics")).text


async def test_a_report_is_evidence(house: House) -> None:
    await house.reconcile()
    for statement in ("UPDATE metering.reconciliations SET differences = 0", "DELETE FROM metering.reconciliations"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            async with house.runtime.unit() as unit:
                await unit.tx.execute(statement.encode())


async def test_operators_read_the_reports(house: House) -> None:
    console = house.shop.client
    assert (await console.get("/console/reconciliations")).status_code in (303, 401, 403)
    await sign_in(console, house.runtime, "olga@operator.example")
    async with house.runtime.database.read() as tx:
        known = await metering.list_reconciliations(tx)
    report = await house.reconcile()
    page = (await console.get(f"/console/reconciliations/{report.public_id}")).text
    assert "Nothing differs" in page
    assert report.digest in page
    await house.plant(ROLLUP.format("quantity = quantity + 1", "llm.input_tokens"))
    report = await house.reconcile()
    text = (await console.get("/console/reconciliations")).text
    assert all(each in text for each in (report.public_id, "everything", "look at it", "agrees"))
    assert text.count("row-link") == len(known) + 2
    page = (await console.get(f"/console/reconciliations/{report.public_id}")).text
    for expected in ("rollup quantity", "llm.input_tokens", "tests e1", "11 of 1 events", "10 of 1 events"):
        assert expected in page
    document = await console.get(f"/console/reconciliations/{report.public_id}/report.json")
    assert document.headers["content-disposition"].startswith("attachment")
    assert sha256(document.content).hexdigest() == report.digest
    missing = await console.get(f"/console/reconciliations/{public_id('rec', house.customer.id)}")
    assert missing.status_code == 404


async def test_without_reports_the_page_says_when_the_first_one_comes(
    runtime: Runtime, client: httpx.AsyncClient
) -> None:
    async with runtime.unit() as unit:
        await make_user(unit, email="olga@operator.example", name="Olga", operator=True)
    await sign_in(client, runtime, "olga@operator.example")
    assert "No reconciliation yet" in (await client.get("/console/reconciliations")).text
    health = (await client.get("/services/health")).json()
    assert {"name": "reconciliation", "state": "ok", "detail": "none yet; the first one comes at night"} in health[
        "components"
    ]


def test_the_default_scope_reaches_back_to_the_last_one() -> None:
    now = datetime(2026, 3, 20, 2, 0, 1, tzinfo=UTC)
    assert metering.default_scope(now, None).since == datetime(2026, 3, 17, 2, tzinfo=UTC)
    assert metering.default_scope(now, now - timedelta(days=9)).since == datetime(2026, 3, 8, 2, tzinfo=UTC)
