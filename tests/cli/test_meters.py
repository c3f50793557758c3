"""`autorisen meters` tells what is counted, and how far a new meter is."""

from __future__ import annotations

from dataclasses import replace

from autorisen.kit.unit import Runtime
from autorisen.metering import apply_meters
from tests.cli.conftest import Command
from tests.factories.metering import METERS, make_meters


async def test_meters_are_listed_with_their_progress(command: Command, runtime: Runtime) -> None:
    assert "There are no meters" in (await command("meters", "list")).output
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, replace(METERS[0], key="new")], at_once_bytes=-1)
    lines = (await command("meters", "list")).output.splitlines()
    assert lines[0] == "agent.execution  count of agent.execution, in executions"
    assert lines[-1] == "new  is being counted: 0 of about 1 events, 0 %"
    assert len(lines) == 4
