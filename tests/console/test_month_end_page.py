"""The operator's month end: nothing yet, on its way with a bar that keeps itself up to date, failed, done."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from autorisen.accounts import audit_log
from autorisen.billing import close_due
from autorisen.billing.closing.progress import FAILURES_SHOWN
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_user, sign_in
from tests.factories.closing import GRACE, Subscriber, refuse_all, refuse_none, subscribers

OPERATOR = "op@op.example"
PAGE = "/console/month-end"
POLL = 'hx-get="/console/month-end" hx-trigger="every 2s"'


@pytest.fixture
async def console(client: httpx.AsyncClient, runtime: Runtime) -> httpx.AsyncClient:
    async with runtime.unit() as unit:
        await make_user(unit, email=OPERATOR, operator=True)
    await sign_in(client, runtime, OPERATOR)
    return client


async def end_of(console: httpx.AsyncClient, runtime: Runtime, clock: FrozenClock, last: Subscriber) -> None:
    """Go to where the period is due; a month later one has to sign in again."""
    clock.set(last.period.end_at + GRACE)
    await sign_in(console, runtime, OPERATOR)


async def words(console: httpx.AsyncClient, **headers: str) -> str:
    """What the page says, without its tags."""
    answer = await console.get(PAGE, headers=headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("\N{NO-BREAK SPACE}", " ")


async def test_it_follows_the_closing_from_nothing_to_done(
    console: httpx.AsyncClient, runtime: Runtime, clock: FrozenClock
) -> None:
    empty = await words(console)
    for said in ("Nothing was closed this month", "No subscription runs", "Every period that was due is closed"):
        assert said in empty
    found = await subscribers(runtime, 3)
    begun = await words(console)
    assert "The next at" in begun
    assert "Since 1 Mar 2026" in begun
    await end_of(console, runtime, clock, found[-1])
    assert "0 of 3 periods are closed" in await words(console)
    assert POLL in (await console.get(PAGE)).text
    await close_due(runtime, limit=2)
    part = await console.get(PAGE, headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith("<div")
    assert POLL in part.text
    assert '<progress class="bar" max="3" value="2"' in part.text
    assert "R1 058,00" in part.text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    clock.advance(timedelta(minutes=5))
    late = await words(console)
    assert "Nothing closes what is due" in late
    assert "autorisen close run" in late
    await close_due(runtime)
    done = (await console.get(PAGE)).text
    assert "hx-get" not in done
    assert "Every period that was due is closed" in done


async def test_what_failed_has_its_reason_and_another_try(
    console: httpx.AsyncClient, runtime: Runtime, clock: FrozenClock
) -> None:
    found = await subscribers(runtime, 3)
    await refuse_all(runtime)
    await end_of(console, runtime, clock, found[-1])
    await close_due(runtime)
    page = await words(console)
    assert "CheckViolation: not this one" in page
    assert "Try all 3 again" in page
    assert page.index("Next try") < page.index("Invoiced so far"), "what somebody has to mend stands first"
    assert f'href="/console/customers/{found[0].customer.public_id}"' in (await console.get(PAGE)).text
    await refuse_none(runtime)
    one = await console.post(f"{PAGE}/retry", data={"period": found[0].period.public_id})
    assert (one.status_code, one.headers["location"]) == (303, PAGE)
    assert "1 period is due again." in await words(console)
    await close_due(runtime)
    gone = await console.post(f"{PAGE}/retry", data={"period": found[0].period.public_id})
    assert gone.status_code == 404
    assert "No closing of this period has failed" in gone.text
    await console.post(f"{PAGE}/retry")
    assert "2 periods are due again." in await words(console)
    for _ in range(2):
        await close_due(runtime)
    await console.post(f"{PAGE}/retry")
    assert "Nothing failed." in await words(console)
    async with runtime.database.read() as tx:
        assert [each.action for each in await audit_log(tx, target="closings")] == ["closing.retried"]


async def test_a_long_list_of_failures_says_how_many_there_are(
    console: httpx.AsyncClient, runtime: Runtime, clock: FrozenClock
) -> None:
    found = await subscribers(runtime, FAILURES_SHOWN + 1)
    await refuse_all(runtime)
    await end_of(console, runtime, clock, found[-1])
    await close_due(runtime)
    page = await words(console)
    assert "Try all 101 again" in page
    assert "The oldest 100 are shown." in page
