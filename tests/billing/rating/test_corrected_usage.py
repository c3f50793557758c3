"""Events that are corrected: an open period is simply right, a closed one gets a line on the next invoice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autorisen import billing, metering
from autorisen.billing import InvoiceStatus, LineKind
from autorisen.billing.closing import close_period, closes_at
from autorisen.billing.errors import MeterNotCounted
from autorisen.billing.explanation.explain_invoice import explain
from autorisen.kit.work.store import queue_state
from autorisen.metering import Correction
from autorisen.metering.model import OPERATOR
from autorisen.subscriptions import start_subscription
from tests.factories.accounts import make_customer
from tests.factories.billing import Shop
from tests.factories.catalog import apply_text, catalog_of


async def void(shop: Shop, *numbers: int) -> metering.CorrectionReceipt:
    made = [Correction(OPERATOR, "tests", f"run-{number}", "void", "a test run") for number in numbers]
    async with shop.runtime.unit() as unit:
        return await metering.correct_events(unit, actor="tests", corrections=made)


async def test_an_open_period_follows_at_once(shop: Shop) -> None:
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    await shop.use(customer, 2_010)
    await void(shop, 0, 1, 2, 3)
    await shop.advance(days=30, hours=2)
    (line,) = [line for line in (await shop.invoices(customer))[-1].lines if line.kind is LineKind.USAGE]
    assert (int(line.quantity), line.amount.minor) == (2_006, 150)


async def test_a_closed_period_gets_a_line_with_the_difference(shop: Shop) -> None:
    """Goal: 8 of 10 runs beyond the allowance are voided after the close: R2.00 less, with its tax, explained."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    billed = await shop.period(customer)
    await shop.advance(days=1)
    await shop.use(customer, 2_010)
    await shop.advance(days=30, hours=2)
    receipt = await void(shop, *range(8))
    assert [(each.meter, int(each.before), int(each.after)) for each in receipt.adjustments] == [
        ("agent.execution", 2_010, 2_002)
    ]
    await shop.advance(days=31)
    invoice = (await shop.invoices(customer))[-1]
    (line,) = [line for line in invoice.lines if line.kind is LineKind.USAGE_ADJUSTMENT]
    assert (int(line.quantity), line.amount.minor, line.tax.minor) == (-8, -200, -26)
    assert (line.period_start, line.period_end) == (billed.start_at, billed.end_at)
    async with shop.runtime.database.read() as tx:
        reason = next(each for each in await explain(tx, invoice) if each.line.id == line.id)
    assert reason.before is not None
    assert reason.rated is not None
    assert (int(reason.before.quantity), int(reason.rated.quantity)) == (2_010, 2_002)


async def test_a_credit_as_large_as_the_charges_is_an_invoice_of_nothing(shop: Shop) -> None:
    """Goal: charge and credit are both read on it; it is paid as it is issued and moves nothing."""
    async with shop.runtime.unit() as unit:
        await apply_text(
            unit, catalog_of('included = 0\noverage = true\nprice = [{ currency = "ZAR", amount = "1.00" }]')
        )
        customer = await make_customer(unit)
        await start_subscription(unit, customer=customer, plan_key="tested")
    await shop.worker.drain()

    async def used(key: str) -> None:
        event = {"specversion": "1.0", "id": key, "source": "tests", "type": "api.use", "subject": customer.key}
        async with shop.runtime.unit() as unit:
            await metering.ingest(unit, None, [metering.new_event(event | {"data": {"amount": 7}})])

    await used("run-0")
    await shop.advance(days=31, hours=2)
    await void(shop, 0)
    await used("run-1")
    await shop.advance(days=31)
    first, second = await shop.invoices(customer)
    assert (first.total.minor, first.status) == (700, InvoiceStatus.OPEN)
    assert [(line.kind, line.amount.minor) for line in second.lines] == [
        (LineKind.USAGE, 700),
        (LineKind.USAGE_ADJUSTMENT, -700),
    ]
    assert (second.total.minor, second.status, second.amount_due.minor) == (0, InvoiceStatus.PAID, 0)
    report = await billing.audit(shop.runtime, actor="tests")
    assert (report.findings, report.cents) == (0, 0), report.document


async def test_a_period_waits_for_a_meter_that_is_still_counted(shop: Shop) -> None:
    """Goal: a new priced meter that is not whole yet does not make a close that bills none of it."""
    customer = await shop.customer()
    await shop.upgrade(customer)
    await shop.advance(days=1)
    await shop.use(customer, 2_010)
    async with shop.runtime.unit() as unit:
        meters = await metering.meters(unit.tx)
        executions = next(meter for meter in meters if meter.key == "agent.execution")
        others = [meter for meter in meters if meter.key != "agent.execution"]
        renamed = replace(executions, key="kept")
        await metering.apply_meters(unit, [*meters, renamed])
    # As if it came with the plan: taken away, and defined again with much to count.
    async with shop.runtime.database.transaction() as tx:
        await tx.execute("DELETE FROM metering.meters WHERE key = 'agent.execution'")
    async with shop.runtime.unit() as unit:
        await metering.apply_meters(unit, [*others, renamed, executions], at_once_bytes=-1)
        period = await shop.period(customer)
    shop.clock.advance(closes_at(period.end_at, shop.runtime.settings) - shop.clock.now())
    with pytest.raises(MeterNotCounted, match=r"agent\.execution"):
        async with shop.runtime.unit() as unit:
            await close_period(unit, period.id)
    await shop.worker.drain()
    await shop.advance(hours=2)
    (line,) = [line for line in (await shop.invoices(customer))[-1].lines if line.kind is LineKind.USAGE]
    assert (int(line.quantity), line.amount.minor) == (2_010, 250)
    async with shop.runtime.database.read() as tx:
        assert (await queue_state(tx, shop.clock.now())).dead == 0
