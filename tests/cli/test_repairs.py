"""`autorisen rejected` and `autorisen conflicts`: what does not count is listed, mended and noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from autorisen.accounts import audit_log
from autorisen.kit.unit import Runtime
from autorisen.metering import event_counts, ingest, new_event
from autorisen.metering.decode import read_event
from tests.cli.conftest import Command
from tests.factories.accounts import make_customer
from tests.factories.metering import llm_event, make_meters


@pytest.fixture
async def kept(runtime: Runtime) -> None:
    """Three rejected events and one conflict."""
    await make_meters(runtime)
    raws = [llm_event(id, time="never") for id in ("a", "b", "c")]
    raws += [llm_event("d"), llm_event("d", tokens=11, traceparent="00-ab")]
    async with runtime.unit() as unit:
        await ingest(unit, None, [read_event(raw) for raw in raws])


async def ids(command: Command, noun: str, prefix: str) -> list[str]:
    return [word for word in (await command(noun, "list")).output.split() if word.startswith(prefix)]


async def test_rejected_events_are_listed_and_ended(
    command: Command, runtime: Runtime, kept: None, tmp_path: Path
) -> None:
    listed = (await command("rejected", "list")).output
    assert listed.count("/time must be an RFC 3339 time") == 3
    assert (await command("rejected", "list", "--limit", "1")).output.endswith("There are more; see --limit.\n")
    first, second, third = await ids(command, "rejected", "rej_")
    done = await command("rejected", "replay", first, "--reason", "mended", "--patch", '{"time": null}')
    assert "became the event" in done.output, done.output
    corrected = tmp_path / "event.json"
    corrected.write_text('{"specversion": "1.0", "source": "s", "id": "new", "type": "t", "subject": "acme"}')
    done = await command("rejected", "replay", second, "--reason", "mended", "--event", str(corrected))
    assert done.output == f"{second} became the event new of s.\n"
    done = await command("rejected", "discard", third, "--reason", "a test of theirs")
    assert done.output == f"{third} is discarded.\n"
    assert (await command("rejected", "list")).output == "No rejected event is open.\n"
    assert (
        "discarded by command line: a test of theirs"
        in (await command("rejected", "list", "--status", "discarded")).output
    )
    async with runtime.database.read() as tx:
        assert (await audit_log(tx, target=third))[0].actor == "command line"


async def test_a_rule_is_replayed_as_a_whole(command: Command, kept: None) -> None:
    line = (await command("rejected", "list")).output.splitlines()[1].strip()
    field, _, rule = line.partition(" ")
    done = await command("rejected", "replay-rule", field, rule, "--reason", "the clock is mended")
    assert (done.exit_code, done.output) == (1, "0 replayed, 3 still refused.\n")


async def test_a_conflict_is_taken(command: Command, runtime: Runtime, kept: None) -> None:
    async with runtime.unit() as unit:
        await make_customer(unit)  # an event is corrected for somebody
    (conflict,) = await ids(command, "conflicts", "cnf_")
    done = await command("conflicts", "take", conflict, "--reason", "theirs is right")
    assert done.output == f"{conflict} is taken: what was sent later counts.\n"
    assert (await command("conflicts", "list")).output == "No conflict is open.\n"
    async with runtime.database.read() as tx:
        assert (await audit_log(tx, target=conflict))[0].actor == "command line"


async def test_conflicts_are_shown_as_differences_and_dismissed(command: Command, runtime: Runtime, kept: None) -> None:
    listed = (await command("conflicts", "list")).output
    assert "/data/input_tokens: 10 -> 11" in listed
    assert "/traceparent: none -> 00-ab" in listed
    (conflict,) = await ids(command, "conflicts", "cnf_")
    assert (await command("conflicts", "dismiss", conflict, "--reason", "ours is right")).exit_code == 0
    assert (await command("conflicts", "list")).output == "No conflict is open.\n"
    async with runtime.unit() as unit:
        await ingest(unit, None, [new_event(llm_event("d", tokens=n)) for n in (12, 13)])
    assert (await command("conflicts", "list", "--limit", "1")).output.endswith("There are more; see --limit.\n")
    async with runtime.database.read() as tx:
        assert (await event_counts(tx)).conflicts == 2, "what is decided needs no look"
