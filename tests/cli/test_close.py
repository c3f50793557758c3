"""`autorisen close`: what is due is closed with a bar, what failed is named, exits with 1, and is tried again."""

from __future__ import annotations

import json
from datetime import timedelta

from autorisen.kit.clock import SystemClock
from autorisen.kit.ids import MalformedId
from autorisen.kit.unit import Runtime
from tests.cli.conftest import Command
from tests.factories.closing import Subscriber, closed_once, refuse_all, refuse_none, subscribers


async def over(runtime: Runtime, number: int, *, days: int = 33) -> list[Subscriber]:
    """So many customers whose first period is over by the real clock, which is the one of a command."""
    return await subscribers(runtime, number, start_at=SystemClock().now() - timedelta(days=days))


async def test_what_is_due_is_closed_also_of_who_is_months_behind(runtime: Runtime, command: Command) -> None:
    nothing = await command("close", "run")
    assert (nothing.exit_code, nothing.stdout) == (0, "No period was closed.\n")
    assert "0 due, 0 failed" in (await command("close", "status")).output
    await over(runtime, 3, days=70)
    assert "0 closed since" in (await command("close", "status")).output
    ran = await command("close", "run")
    assert (ran.exit_code, ran.stdout) == (0, "6 periods closed.\n")
    assert "close: 6 of 6 periods" in ran.stderr
    async with runtime.database.read() as tx:
        assert await closed_once(tx) == 6
    told = (await command("close", "status")).output
    for said in ("6 closed since", "0 due, 0 failed", "the next is due at", "ZAR 3174.00"):
        assert said in told, told


async def test_what_failed_is_named_and_tried_again(runtime: Runtime, command: Command) -> None:
    found = await over(runtime, 102)
    assert "Nothing closes them" in (await command("close", "status")).output
    await refuse_all(runtime)
    ran = await command("close", "run")
    assert ran.exit_code == 1
    assert "102 can't be closed so far; `autorisen close status` says why." in ran.stderr
    told = (await command("close", "status")).output
    for said in ("102 failed", "CheckViolation: not this one", " of c-00, ", "2 more failed."):
        assert said in told
    document = json.loads((await command("close", "status", "--json")).stdout)
    assert (document["failed"], len(document["failures"])) == (102, 100)
    await refuse_none(runtime)
    name = found[0].period.public_id
    assert (await command("close", "retry", name)).output == "1 due again.\n"
    assert (await command("close", "retry", "--all")).output == "102 due again.\n"
    assert (await command("close", "run")).stdout == "102 periods closed.\n"
    assert (await command("close", "retry", "--all")).output == "No closing has failed.\n"
    assert (await command("close", "retry", name)).exit_code == 1


async def test_another_try_needs_a_period_or_all(command: Command) -> None:
    assert (await command("close", "retry")).exit_code == 2
    assert (await command("close", "retry", "per_x", "--all")).exit_code == 2
    assert isinstance((await command("close", "retry", "inv_x")).exception, MalformedId)
