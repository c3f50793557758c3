"""Every kind of line opens into its reasons: in the API, on the page and in the evidence file."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from autorisen import metering, subscriptions
from autorisen.accounts import Customer
from autorisen.billing import CreditRequest, LineKind, Wanted, issue_invoice
from autorisen.billing.coupons import redeem_coupon
from autorisen.billing.model import Invoice, Line
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from tests.factories.accounts import make_key, make_member, make_user, sign_in
from tests.factories.addons import pro_with
from tests.factories.billing import Shop, a_draft_like, a_line
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text
from tests.factories.credit_notes import credit, part

Headers = dict[str, str]


async def used(shop: Shop) -> Customer:
    """A month of use on Pro, then an upgrade in the middle of the next one."""
    customer = await shop.customer(address="1 Long Street")
    await shop.upgrade(customer)
    await shop.advance(days=5)
    await shop.use(customer, 2_500)
    await shop.advance(days=26, hours=2)
    return customer


async def late(shop: Shop) -> Customer:
    """Use of a billed month that arrives after its close, and some that is taken back."""
    customer = await used(shop)
    when = shop.clock.now()
    await shop.advance(days=1)
    async with shop.runtime.unit() as unit:
        void = metering.Correction(metering.OPERATOR, "tests", "run-7", "void", "sent twice")
        await metering.correct_events(unit, actor="tests", corrections=[void])
    await shop.use(customer, 40, at=when.replace(day=10, month=3), prefix="late")
    await shop.advance(days=31, hours=2)
    return customer


async def upgraded(shop: Shop) -> Customer:
    customer = await used(shop)
    await shop.advance(days=10)
    await shop.upgrade(customer, "enterprise")
    return customer


async def discounted(shop: Shop) -> Customer:
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        await apply_text(unit, catalog_with(coupon_text()))
        await redeem_coupon(unit, customer_id=customer.id, text="LAUNCH", actor="tests")
    await shop.upgrade(customer)
    return customer


async def extended(shop: Shop) -> Customer:
    """A month of Pro with two extra agents."""
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        await apply_text(unit, pro_with())
    await shop.upgrade(customer)
    subscription = await shop.subscription(customer)
    async with shop.runtime.unit() as unit:
        await subscriptions.set_addon(
            unit, subscription_id=subscription.id, key="extra_agents", quantity=2, actor="tests"
        )
    await shop.advance(days=31, hours=2)
    return customer


MAKERS: dict[LineKind, Callable[[Shop], Awaitable[Customer]]] = {
    LineKind.FLAT_FEE: used,
    LineKind.USAGE: used,
    LineKind.USAGE_ADJUSTMENT: late,
    LineKind.PRORATION_CREDIT: upgraded,
    LineKind.DISCOUNT: discounted,
    LineKind.ADDON: extended,
}


async def explained(shop: Shop, customer: Customer, kind: LineKind) -> tuple[Invoice, Line, dict[str, Any], Headers]:
    """The newest line of a kind, with its reasons from the API."""
    found = [(each, line) for each in await shop.invoices(customer) for line in each.lines if line.kind is kind]
    invoice, line = found[-1]
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    said = (await shop.client.get(f"/api/invoices/{invoice.public_id}/explanation", headers=headers)).json()
    reason = next(each for each in said["lines"] if each["line"]["id"] == line.public_id)
    return invoice, line, reason, headers


async def records(shop: Shop, path: str, headers: Headers) -> list[dict[str, Any]]:
    answer = await shop.client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    assert "evidence.jsonl" in answer.headers["content-disposition"]
    return [json.loads(line) for line in answer.content.splitlines()]


def require_source(kind: LineKind, reason: dict[str, Any]) -> str:
    """By what a line was charged: its price, or its coupon. Gives the words of the page for it."""
    if kind is LineKind.DISCOUNT:
        assert reason["coupon"]["code"] == "LAUNCH"
        return "LAUNCH, redeemed on"
    version = 2 if kind is LineKind.ADDON else 1  # the one that sells it
    assert (reason["plan"], reason["plan_version"]) == ("pro", version)
    assert reason["price"]
    assert reason["price_terms"]
    return f"Pro, version {version}"


@pytest.mark.parametrize("kind", LineKind)
async def test_every_kind_of_line_opens_down_to_its_reasons(shop: Shop, kind: LineKind) -> None:
    customer = await MAKERS[kind](shop)
    invoice, line, reason, headers = await explained(shop, customer, kind)
    said = require_source(kind, reason)
    file = await records(shop, f"/api/invoices/{invoice.public_id}/evidence.jsonl", headers)
    assert [each for each in file if each["record"] == "line" and each["line"]["id"] == line.public_id] == [
        {"record": "line", **reason}
    ]
    events = [each for each in file if each["record"] == "event" and each["line"] == line.public_id]
    end = {"record": "end", "lines": len(invoice.lines), "events": sum(each["record"] == "event" for each in file)}
    assert file[-1] == end
    if line.meter is None:
        assert (reason["rated"], reason["days"], events) == (None, [], [])
    else:
        assert sum(Decimal(each["value"]) for each in events) == Decimal(reason["rated"]["quantity"])
        assert len(events) == reason["rated"]["events"]
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
        await make_user(unit, email="olga@operator.example", operator=True)
    for who, home in (("ann@acme.example", "/app"), ("olga@operator.example", "/console")):
        await sign_in(shop.client, shop.runtime, who)
        listed = (await shop.client.get(f"{home}/invoices/{invoice.public_id}")).text
        here = f"{home}/invoices/{invoice.public_id}/lines/{line.public_id}"
        assert here in listed
        page = (await shop.client.get(here)).text.replace("\u00a0", " ")
        assert said in page
        assert line.amount.format().replace("\u00a0", " ") in page
        for event in events[:25]:
            assert event["id"] in page
        again = await records(shop, f"{home}/invoices/{invoice.public_id}/evidence.jsonl", {})
        assert again == file


async def test_a_credit_for_unused_time_names_its_fee_and_seconds(shop: Shop) -> None:
    customer = await upgraded(shop)
    _, line, reason, _ = await explained(shop, customer, LineKind.PRORATION_CREDIT)
    fee = reason["prorated"]
    before = (await shop.invoices(customer))[-2]
    assert (fee["invoice"], fee["number"], fee["paid_minor"]) == (before.public_id, before.number, 52_900)
    exact = Decimal(fee["paid_minor"]) * fee["seconds_left"] / fee["seconds"]
    assert int(-exact.quantize(Decimal(1), "ROUND_HALF_UP")) == line.amount.minor


async def test_a_fee_that_was_credited_in_part_is_given_back_as_far_as_it_was_paid(shop: Shop) -> None:
    customer = await used(shop)
    await credit(shop, (await shop.invoices(customer))[-1], part(30_000))
    await shop.advance(days=10)
    await shop.upgrade(customer, "enterprise")
    await shop.advance(hours=1)
    await credit(shop, (await shop.invoices(customer))[-2], part(1_000))
    _, line, reason, _ = await explained(shop, customer, LineKind.PRORATION_CREDIT)
    fee = reason["prorated"]
    exact = Decimal(fee["paid_minor"]) * fee["seconds_left"] / fee["seconds"]
    assert fee["paid_minor"] < 52_900
    assert int(-exact.quantize(Decimal(1), "ROUND_HALF_UP")) == line.amount.minor


async def test_a_correction_names_what_came_late_and_what_was_voided(shop: Shop) -> None:
    customer = await late(shop)
    invoice, line, reason, _ = await explained(shop, customer, LineKind.USAGE_ADJUSTMENT)
    assert len(reason["causes"]) == 41
    [voided] = [each for each in reason["causes"] if each["kind"] == "void"]
    assert (voided["id"], voided["reason"]) == ("run-7", "sent twice")
    assert {each["id"] for each in reason["causes"] if each["kind"] == "late"} == {f"late-{n}" for n in range(40)}
    quantities = Decimal(reason["rated"]["quantity"]) - Decimal(reason["billed_before"]["quantity"])
    assert quantities == line.quantity == 39
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    page = (await shop.client.get(f"/app/invoices/{invoice.public_id}/lines/{line.public_id}")).text
    assert "Counted again" in page
    assert "was voided: sent twice" in page


async def test_a_credit_note_is_explained_by_the_lines_that_it_takes_back(shop: Shop) -> None:
    customer = await used(shop)
    invoice = (await shop.invoices(customer))[-1]
    usage = next(line for line in invoice.lines if line.kind is LineKind.USAGE)
    note = await credit(shop, invoice, part(1_000))
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
        await make_member(unit, customer.id)
        await make_user(unit, email="olga@operator.example", operator=True)
    said = (await shop.client.get(f"/api/credit-notes/{note.public_id}/explanation", headers=headers)).json()
    assert (said["number"], said["invoice"], said["reason"]) == (note.number, invoice.public_id, "a part of it")
    assert sum(each["amount_minor"] for each in said["lines"]) == 1_000
    assert {each["of"]["plan"] for each in said["lines"]} == {"pro"}
    file = await records(shop, f"/api/credit-notes/{note.public_id}/evidence.jsonl", headers)
    assert [each["record"] for each in file[:3]] == ["credit_note", "invoice", "line"]
    assert (file[-1]["lines"], file[-1]["events"]) == (len(said["lines"]), 2_500)
    for who, at in (
        ("ann@acme.example", "/app/credit-notes"),
        ("olga@operator.example", "/console/invoices/credit-notes"),
    ):
        await sign_in(shop.client, shop.runtime, who)
        assert await records(shop, f"{at}/{note.public_id}/evidence.jsonl", {}) == file
    page = (await shop.client.get(f"/console/invoices/{invoice.public_id}/lines/{usage.public_id}")).text
    assert f"{note.number}: a part of it" in page


SEATS = """
[[plan.usage]]
meter = "seats"
overage = true
{price}

"""
METER = """
[[meter]]
key = "seats"
name = "Seats"
unit = "seat"
event_type = "seats.changed"
aggregation = "time_weighted"
value_path = "seats"
group_by = ["office"]
"""
ONE_PRICE = 'included = 0\nprice = [{ currency = "ZAR", amount = "10.00" }, { currency = "USD", amount = "0.60" }]'


async def test_the_average_of_a_level_follows_from_the_evidence_alone(shop: Shop) -> None:
    """Levels of two offices: one changes before the period only, one is corrected after the close."""
    customer = await shop.customer()
    async with shop.runtime.unit() as unit:
        await apply_text(unit, pro_with(SEATS.format(price=ONE_PRICE)) + METER)
    await shop.upgrade(customer)
    await shop.advance(hours=1)
    await seats(shop, customer, ("cape", 7), ("durban", 2))
    await shop.advance(days=3)
    await seats(shop, customer, ("cape", 4))
    await shop.advance(days=28, hours=2)
    await shop.advance(days=9, minutes=7)
    await seats(shop, customer, ("cape", 9))
    await shop.advance(days=2)
    await seats(shop, customer, ("cape", 0))
    await shop.advance(days=21)
    await shop.advance(minutes=1)
    async with shop.runtime.unit() as unit:
        void = metering.Correction(metering.OPERATOR, "tests", "seats-2", "void", "known only after the second close")
        await metering.correct_events(unit, actor="tests", corrections=[void])
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    levels = []
    for invoice in await shop.invoices(customer):
        file = await records(shop, f"/api/invoices/{invoice.public_id}/evidence.jsonl", headers)
        for line in (each for each in file if each["record"] == "line" and each["line"]["kind"] == "usage"):
            mine = [each for each in file if each.get("line") == line["line"]["id"]]
            assert average_of(line["line"], mine) == Decimal(line["rated"]["quantity"])
            levels.append({each["dimensions"]["office"]: each["value"] for each in mine if each["record"] == "level"})
    assert levels == [{}, {"cape": "4", "durban": "2"}]


async def seats(shop: Shop, customer: Customer, *levels: tuple[str, int]) -> None:
    """Each office has so many seats from now on."""
    async with shop.runtime.unit() as unit:
        events = [
            metering.new_event(
                {
                    "specversion": "1.0",
                    "id": f"seats-{await stored(unit) + place}",
                    "source": "tests",
                    "type": "seats.changed",
                    "subject": customer.key,
                    "time": unit.now.isoformat().replace("+00:00", "Z"),
                    "data": {"office": office, "seats": level},
                }
            )
            for place, (office, level) in enumerate(levels)
        ]
        assert (await metering.ingest(unit, None, events)).accepted == len(levels)


async def stored(unit: Unit) -> int:
    row = await (await unit.tx.execute("SELECT count(*) FROM metering.events")).fetchone()
    assert row is not None
    return int(row[0])


def average_of(line: dict[str, Any], found: list[dict[str, Any]]) -> Decimal:
    """The sum of the offices' average levels, from the records of the file and the bounds of the line alone."""
    start, end = (datetime.fromisoformat(line[name]) for name in ("period_start", "period_end"))
    length, total = Fraction((end - start) / timedelta(microseconds=1)), Decimal(0)
    for office in sorted({each["dimensions"]["office"] for each in found}):
        level, since, area = Fraction(0), start, Fraction(0)
        for each in (each for each in found if each["dimensions"]["office"] == office):
            at = max(start, datetime.fromisoformat(each["time"]))
            area, level, since = (
                area + level * Fraction((at - since) / timedelta(microseconds=1)),
                Fraction(each["value"]),
                at,
            )
        area += level * Fraction((end - since) / timedelta(microseconds=1))
        exact = area / length
        total += (Decimal(exact.numerator) / exact.denominator).quantize(Decimal("1e-12"), rounding=ROUND_HALF_UP)
    return total


async def test_one_line_of_a_credit_note_brings_its_own_evidence_only(shop: Shop) -> None:
    customer = await used(shop)
    invoice = (await shop.invoices(customer))[-1]
    fee = next(line for line in invoice.lines if line.kind is LineKind.FLAT_FEE)
    assert fee.id is not None
    note = await credit(shop, invoice, CreditRequest("the fee", Wanted(lines={fee.id: Money(100, "ZAR")})))
    async with shop.runtime.unit() as unit:
        headers = await make_key(unit, customer.id)
    file = await records(shop, f"/api/credit-notes/{note.public_id}/evidence.jsonl", headers)
    assert [each["record"] for each in file] == ["credit_note", "invoice", "line", "end"]
    assert file[2]["line"]["id"] == fee.public_id


async def test_others_lines_and_lines_of_other_invoices_are_not_found(shop: Shop) -> None:
    customer = await used(shop)
    first, second = await shop.invoices(customer)
    async with shop.runtime.unit() as unit:
        await make_member(unit, customer.id)
    await sign_in(shop.client, shop.runtime)
    path = f"/app/invoices/{first.public_id}/lines"
    assert (await shop.client.get(f"{path}/{second.lines[0].public_id}")).status_code == 404
    assert (await shop.client.get(f"{path}/iln_nonsense")).status_code == 404
    other = await shop.customer("other")
    async with shop.runtime.unit() as unit:
        stranger = await make_key(unit, other.id)
        await make_member(unit, other.id, email="ann@other.example")
    shop.client.cookies.clear()
    assert (
        await shop.client.get(f"/api/invoices/{first.public_id}/evidence.jsonl", headers=stranger)
    ).status_code == 404
    await sign_in(shop.client, shop.runtime, "ann@other.example")
    assert (await shop.client.get(f"/app/invoices/{first.public_id}/evidence.jsonl")).status_code == 404
    assert (await shop.client.get(f"{path}/{first.lines[0].public_id}")).status_code == 404


async def test_a_credit_of_no_known_change_says_what_it_can(shop: Shop) -> None:
    customer = await used(shop)
    first = (await shop.invoices(customer))[0]
    price = first.lines[0].price_id
    lines = (replace(a_line(200), price_id=price), replace(a_line(-100, LineKind.PRORATION_CREDIT), price_id=price))
    async with shop.runtime.unit() as unit:
        await issue_invoice(unit, a_draft_like(first, lines=lines))
    _, _, reason, _ = await explained(shop, customer, LineKind.PRORATION_CREDIT)
    assert (reason["prorated"], reason["plan"]) == (None, "pro")


async def test_a_meter_that_is_gone_has_no_events_and_no_causes(shop: Shop) -> None:
    customer = await used(shop)
    start, end = shop.clock.now() - timedelta(days=40), shop.clock.now()
    async with shop.runtime.database.read() as tx:
        about: dict[str, Any] = {"customer_id": customer.id, "meter": "gone", "start": start, "end": end}
        assert [each async for each in metering.counted_uses(tx, at=end, **about)] == []
        assert await metering.causes_of_change(tx, since=start, until=end, limit=5, **about) == []
