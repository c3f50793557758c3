"""`autorisen catalog` and `autorisen ledger`: looked at first, applied, and nothing twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autorisen import subscriptions
from autorisen.catalog import CatalogInvalid, EffectiveDatePassed, shipped_catalog
from autorisen.cli import command_line
from autorisen.kit.unit import Runtime
from autorisen.metering import MeterInUse
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_text
from tests.factories.coupons import catalog_with, coupon_text


@pytest.fixture(autouse=True)
def installation(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a command: the environment of the process."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTORISEN_HOME", str(tmp_path))


def command(*words: str) -> Result:
    return CliRunner().invoke(command_line(), list(words))


def test_plan_diff_and_apply(tmp_path: Path) -> None:
    planned = command("catalog", "plan")
    assert planned.exit_code == 0, planned.output
    assert "+ pro: add as version 1" in planned.output
    assert "3 plans would change, from now on." in planned.output
    assert command("catalog", "diff").exit_code == 1
    applied = command("catalog", "apply")
    assert (applied.exit_code, applied.output.splitlines()[-1]) == (0, "3 plans changed, from now on.")
    assert command("catalog", "apply").output == "Nothing to change: the file is what is sold.\n"
    assert command("catalog", "plan").output == "Nothing to change: the file is what is sold.\n"
    assert command("catalog", "diff").output == "The file is what is sold.\n"

    file = tmp_path / "dearer.toml"
    dated = "effective_from = 2999-01-01T00:00:00+02:00\n"
    file.write_text(dated + shipped_catalog().replace('"529.00"', '"599.00"'), encoding="utf-8")
    difference = command("catalog", "diff", str(file))
    assert difference.output == "pro (version 2)\n  ~ price.ZAR.month: ZAR 529.00 -> ZAR 599.00\n"
    assert difference.exit_code == 1
    assert "1 plans would change, from 2999-01-01" in command("catalog", "plan", str(file)).output


COUNT = 'event_type = "agent.execution"\naggregation = "count"'
NEW_METER = f'[[meter]]\nkey = "agent.hours"\nname = "Hours"\nunit = "hours"\n{COUNT}\n'


async def a_subscriber(runtime: Runtime, dearer: str) -> None:
    async with runtime.unit() as unit:
        await apply_text(unit, shipped_catalog())
        customer = await make_customer(unit, key="acme")
        await subscriptions.start_subscription(unit, customer=customer, plan_key="pro")
        await make_customer(unit, key="calm")
    async with runtime.unit() as unit:
        await apply_text(unit, dearer)


async def test_subscribers_are_moved_after_a_look(runtime: Runtime) -> None:
    dearer = shipped_catalog().replace('"529.00"', '"599.00"')
    await a_subscriber(runtime, dearer)

    def migrate(*words: str) -> Result:
        return command("catalog", "migrate", "--plan", "pro", "--to-version", "2", *words)

    looked = await asyncio.to_thread(migrate)
    assert looked.exit_code == 0, looked.output
    assert "acme: version 1, " in looked.output
    assert "ZAR 529.00 -> ZAR 599.00 (+ZAR 70.00)" in looked.output
    assert "1 in ZAR: ZAR 529.00 -> ZAR 599.00 a period; 1 pay more, 0 less" in looked.output
    assert "Nothing is changed." in looked.output
    none = await asyncio.to_thread(migrate, "--customers", "calm")
    assert "Everybody on pro has version 2." in none.output
    moved = await asyncio.to_thread(migrate, "--apply", "--customers", "acme", "--notice-days", "10")
    assert "1 customers are told by mail now." in moved.output
    again = await asyncio.to_thread(migrate, "--apply")
    assert "not moved: was announced before" in again.output
    wrong = await asyncio.to_thread(migrate, "--at", "now")
    assert wrong.exit_code == 2


def test_coupons_are_planned_and_told(tmp_path: Path) -> None:
    file = tmp_path / "coupons.toml"
    file.write_text(catalog_with(coupon_text()), encoding="utf-8")
    assert "+ coupon launch: add as version 1" in command("catalog", "plan", str(file)).output
    assert "  + percent: 0.2" in command("catalog", "diff", str(file)).output
    applied = command("catalog", "apply", str(file)).output
    assert "+ coupon launch: version 1" in applied
    assert "1 coupons changed, at once; who redeemed one keeps its terms." in applied
    assert command("catalog", "apply", str(file)).output == "Nothing to change: the file is what is sold.\n"


def test_meters_are_planned_and_told(tmp_path: Path) -> None:
    """Goal: a file that changes meters is never called unchanged, and one that would take usage back is refused."""
    assert "+ meter agent.execution: add" in command("catalog", "plan").output
    assert command("catalog", "apply").exit_code == 0
    file = tmp_path / "meters.toml"

    file.write_text(shipped_catalog().replace('"Agent executions"', '"Runs"') + NEW_METER, encoding="utf-8")
    told = "~ meter agent.execution: relabel\n+ meter agent.hours: add\n2 meters would change, at once.\n"
    assert command("catalog", "plan", str(file)).output == told
    difference = command("catalog", "diff", str(file))
    assert difference.exit_code == 1
    assert difference.output.startswith("meter agent.execution (relabel)\n  ~ name: Agent executions -> Runs\n")
    assert command("catalog", "apply", str(file)).output == told.replace("would change", "changed")
    assert command("catalog", "apply", str(file)).output == "Nothing to change: the file is what is sold.\n"

    file.write_text(file.read_text("utf-8").replace(COUNT, COUNT.replace("agent", "other"), 1), encoding="utf-8")
    planned = command("catalog", "plan", str(file))
    assert planned.exit_code == 1
    assert "! meter agent.execution: refuse; must count as it does: a plan version prices it" in planned.output
    assert planned.output.endswith("An apply would refuse this file and change nothing.\n")
    assert "~ event_type: agent.execution -> other.execution" in command("catalog", "diff", str(file)).output
    refused = command("catalog", "apply", str(file))
    assert isinstance(refused.exception, MeterInUse)
    assert "the meter agent.execution must count as it does" in str(refused.exception)


def test_a_broken_file_is_refused_before_anything_happens(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(shipped_catalog().replace('"529.00"', "529.00"), encoding="utf-8")
    result = command("catalog", "apply", str(file))
    assert result.exit_code == 1
    assert isinstance(result.exception, CatalogInvalid)
    assert result.exception.errors[0].field == "/plan/1/price/0/amount"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "binary.toml"
    file.write_bytes(b"[[plan]]\xff")
    for words in (("plan",), ("diff",), ("apply",), ("what-if",)):
        result = command("catalog", *words, str(file))
        assert isinstance(result.exception, CatalogInvalid), words
        assert result.exception.errors[0].rule == "must be UTF-8: byte 8 is not"


@pytest.mark.parametrize("dated", ["effective_from = 2020-01-01T00:00:00+02:00\n", ""])
def test_a_plan_says_that_terms_would_start_too_early(tmp_path: Path, dated: str) -> None:
    """In the past, or before the version that they follow: an apply refuses both, and a plan said neither."""
    assert command("catalog", "apply").exit_code == 0
    file = tmp_path / "dearer.toml"
    dearer = shipped_catalog().replace('"529.00"', '"599.00"')
    if not dated:
        file.write_text("effective_from = 2999-01-01T00:00:00+02:00\n" + dearer, encoding="utf-8")
        assert command("catalog", "apply", str(file)).exit_code == 0
    file.write_text(dated + dearer.replace('"599.00"', '"699.00"'), encoding="utf-8")
    planned = command("catalog", "plan", str(file))
    assert planned.exit_code == 1
    assert "! the new terms of pro may start at 2" in planned.output
    assert planned.output.endswith("An apply would refuse this file and change nothing.\n")
    assert "-> ZAR 699.00" in command("catalog", "diff", str(file)).output
    assert isinstance(command("catalog", "apply", str(file)).exception, EffectiveDatePassed)


def test_the_trial_balance_of_empty_books(capsys: pytest.CaptureFixture[str]) -> None:
    result = command("ledger", "trial-balance")
    assert result.exit_code == 0, result.output
    assert "Account" in result.output
