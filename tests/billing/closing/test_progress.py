"""How far the closing is, and another try for what failed: the figures, the interface for operators, the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from autorisen import billing, subscriptions
from autorisen.accounts import Scope, audit_log
from autorisen.billing import close_due, read_progress
from autorisen.billing.closing import ClosedSum, ClosingProgress, close_period, count_due
from autorisen.billing.errors import NoFailedClosing
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_key
from tests.factories.billing import START
from tests.factories.closing import GRACE, Subscriber, refuse_all, refuse_none, run_agents, subscribers


async def the_progress(runtime: Runtime) -> ClosingProgress:
    async with runtime.database.read() as tx:
        return await read_progress(tx, runtime.settings, runtime.clock.now())


async def headers_of(runtime: Runtime, **given: object) -> dict[str, str]:
    async with runtime.unit() as unit:
        return await make_key(unit, None, **given)  # type: ignore[arg-type]  # scopes, where given


async def failed(runtime: Runtime, clock: FrozenClock, number: int) -> list[Subscriber]:
    """So many customers whose periods could not be closed."""
    found = await subscribers(runtime, number)
    await refuse_all(runtime)
    clock.set(found[-1].period.end_at + GRACE)
    assert (await close_due(runtime)).failed == number
    return found


async def test_the_figures_of_a_month(runtime: Runtime, clock: FrozenClock) -> None:
    empty = await the_progress(runtime)
    assert (empty.due, empty.closed, empty.invoices, empty.failed, empty.next_at) == (0, 0, 0, 0, None)
    assert not empty.is_running
    assert not empty.is_late
    found = await subscribers(runtime, 6, plans=("pro", "free"))
    assert (await the_progress(runtime)).next_at == found[0].period.end_at + GRACE
    clock.set(found[-1].period.end_at + GRACE)
    await run_agents(runtime, found[0].customer, 2_004, at=START + timedelta(days=3))
    before = await the_progress(runtime)
    assert (before.due, before.closed, before.is_running, before.is_late) == (6, 0, True, False)
    assert before.since == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert (await close_due(runtime, limit=4)).closed == 4
    half = await the_progress(runtime)
    assert (half.due, half.closed, half.invoices) == (2, 4, 2)
    assert half.sums == [ClosedSum("ZAR", closed=4, invoices=2, total_minor=2 * 52_900 + 100)]
    assert half.next_at == found[4].period.end_at + GRACE
    clock.advance(timedelta(minutes=3))
    assert (await the_progress(runtime)).is_late
    assert (await close_due(runtime)).closed == 2
    done = await the_progress(runtime)
    assert (done.due, done.closed, done.invoices, done.is_late) == (0, 6, 3, False)
    # What was closed in another month is not of this one.
    clock.set(datetime(2026, 4, 30, 22, tzinfo=UTC))
    assert (await the_progress(runtime)).closed == 0


async def test_what_failed_is_named_and_closed_once_its_cause_is_mended(runtime: Runtime, clock: FrozenClock) -> None:
    found = await failed(runtime, clock, 3)
    progress = await the_progress(runtime)
    assert (progress.due, progress.failed) == (0, 3)
    assert {each.customer.key for each in progress.failures} == {"c-00", "c-01", "c-02"}
    assert all("not this one" in each.failure.reason for each in progress.failures)
    await refuse_none(runtime)
    assert (await close_due(runtime)).tried == 0
    async with runtime.unit() as unit:
        assert await billing.retry_closings(unit, found[1].period.id, actor="tests") == 1
    assert (await close_due(runtime)).closed == 1
    async with runtime.unit() as unit:
        with pytest.raises(NoFailedClosing):
            await billing.retry_closings(unit, found[1].period.id, actor="tests")
        assert await billing.retry_closings(unit, actor="tests") == 2
        assert await count_due(unit.tx, unit.settings, unit.now) == 2
    assert [(await close_due(runtime)).closed for _ in range(3)] == [1, 1, 0]
    assert (await the_progress(runtime)).failed == 0
    async with runtime.unit() as unit:
        assert await billing.retry_closings(unit, actor="tests") == 0
        one = await audit_log(unit.tx, target=found[1].period.public_id)
        rest = await audit_log(unit.tx, target="closings")
    assert [(each.actor, each.action) for each in (*one, *rest)] == [("tests", "closing.retried")] * 2


async def test_a_period_that_was_closed_meanwhile_is_not_opened_by_another_try(
    runtime: Runtime, clock: FrozenClock
) -> None:
    (found,) = await failed(runtime, clock, 1)
    await refuse_none(runtime)
    async with runtime.unit() as unit:
        await close_period(unit, found.period.id)
        await subscriptions.put_off(unit.tx, [found.period.id], START)
    async with runtime.database.read() as tx:
        assert (await subscriptions.period(tx, found.period.id)).status == "closed"
    assert (await close_due(runtime)).tried == 0


async def test_operators_read_the_progress_and_try_again(
    runtime: Runtime, clock: FrozenClock, client: httpx.AsyncClient
) -> None:
    found = await failed(runtime, clock, 2)
    headers = await headers_of(runtime)
    answer = (await client.get("/api/closings", headers=headers)).json()
    assert (answer["due"], answer["closed"], answer["failed"], answer["invoiced"]) == (0, 0, 2, [])
    assert [each["period"] for each in answer["failures"]] == [each.period.public_id for each in found]
    assert answer["failures"][0]["customer_key"] == "c-00"
    assert answer["failures"][0]["reason"].startswith("CheckViolation: not this one")
    await refuse_none(runtime)
    named = {"period": found[0].period.public_id}
    assert (await client.post("/api/closings/retry", headers=headers, json=named)).json() == {"retried": 1}
    assert (await client.post("/api/closings/retry", headers=headers, json={})).json() == {"retried": 2}
    assert [(await close_due(runtime)).closed for _ in range(2)] == [1, 1]
    invoiced = (await client.get("/api/closings", headers=headers)).json()["invoiced"]
    assert invoiced == [{"currency": "ZAR", "closed": 2, "invoices": 2, "total_minor": 105_800}]
    gone = await client.post("/api/closings/retry", headers=headers, json=named)
    assert (gone.status_code, gone.json()["title"]) == (404, "No closing of this period has failed")
    nonsense = {"period": public_id("inv", found[0].period.id)}
    assert (await client.post("/api/closings/retry", headers=headers, json=nonsense)).status_code == 404
    unknown = await client.post("/api/closings/retry", headers=headers, json={"all": True})
    assert unknown.status_code == 422


async def test_customers_and_lesser_keys_are_refused(runtime: Runtime, client: httpx.AsyncClient) -> None:
    (found,) = await subscribers(runtime, 1)
    async with runtime.unit() as unit:
        theirs = await make_key(unit, found.customer.id)
    reader = await headers_of(runtime, scopes=[Scope.BILLING_READ])
    assert (await client.get("/api/closings", headers=theirs)).status_code == 403
    assert (await client.post("/api/closings/retry", headers=theirs, json={})).status_code == 403
    assert (await client.post("/api/closings/retry", headers=reader, json={})).status_code == 403
    assert (await client.get("/api/closings", headers=reader)).status_code == 200
    assert (await client.get("/api/closings")).status_code == 401
