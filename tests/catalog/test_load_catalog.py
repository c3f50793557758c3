"""The catalog file: what it says is what is read, and every broken rule is named by its path."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from autorisen.catalog import CatalogInvalid, FlatPrice, PerUnit, UsagePrice, load_catalog, shipped_catalog
from autorisen.kit.money import EXPONENTS
from autorisen.metering import load_meters

METERS = """
[[meter]]
key = "agent.execution"
name = "Agent executions"
event_type = "agent.execution"
aggregation = "count"
unit = "executions"
"""

FREE = """
[[plan]]
key = "free"
name = "Free"
tagline = "To begin with"
rank = 0
default = true
features = ["All agents"]
limits = { agents = 3, executions = 50, projects = "unlimited", storage_mb = 512, support_hours = 48 }
price = [{ currency = "ZAR", interval = "month", amount = "0.00" },
         { currency = "USD", interval = "month", amount = "0.00" }]
usage = [{ meter = "agent.execution", included = 50, overage = false }]
"""

PRO = """
[[plan]]
key = "pro"
name = "Pro"
tagline = "To go on with"
rank = 1
features = []
limits = { agents = 3, executions = 50, projects = 1, storage_mb = 512, support_hours = 48 }
price = [{ currency = "ZAR", interval = "month", amount = "529.00" }]

[[plan.usage]]
meter = "agent.execution"
included = 2000
overage = true
price = [{ currency = "ZAR", amount = "60.00", per = 1_000_000 }]
"""

WHOLE = METERS + FREE + PRO


def errors_of(text: str) -> dict[str, str]:
    with pytest.raises(CatalogInvalid) as refusal:
        load_catalog(text)
    return {error.field: error.rule for error in reversed(refusal.value.errors)}


def changed(old: str, new: str) -> dict[str, str]:
    assert WHOLE.count(old) >= 1, "the fault is planted"
    return errors_of(WHOLE.replace(old, new, 1))


def test_a_file_is_read_as_it_is_written() -> None:
    file = load_catalog("effective_from = 2026-04-01T00:00:00+02:00\n" + WHOLE)
    free, pro = file.plans
    assert file.effective_from == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert (free.plan_key, free.is_default, free.limits["projects"], free.limits["agents"]) == ("free", True, None, 3)
    flat, usage = pro.prices
    assert isinstance(flat, FlatPrice)
    assert (flat.amount.minor, flat.interval) == (52900, "month")
    assert isinstance(usage, UsagePrice)
    assert (usage.included, usage.unit_amount, usage.unit_label) == (Decimal(2000), Decimal("0.006"), "executions")
    assert free.prices[2] == UsagePrice(
        usage.id, "ZAR", "agent.execution", Decimal(50), PerUnit(Decimal(0)), "executions", overage_allowed=False
    )


def test_the_shipped_catalog_is_sound_for_both_of_its_readers() -> None:
    file = load_catalog(shipped_catalog())
    assert [plan.plan_key for plan in file.plans] == ["free", "pro", "enterprise"]
    assert [meter.key for meter in load_meters(file.meters)] == [
        "agent.execution",
        "llm.input_tokens",
        "llm.output_tokens",
    ]
    amounts = {
        (plan.plan_key, price.currency, price.interval): str(price.amount.major)
        for plan in file.plans
        for price in plan.prices
        if isinstance(price, FlatPrice)
    }
    assert amounts["pro", "ZAR", "month"] == "529.00"
    assert amounts["pro", "ZAR", "year"] == "4990.00"
    assert amounts["enterprise", "ZAR", "month"] == "1799.00"
    assert amounts["enterprise", "ZAR", "year"] == "17190.00"
    assert amounts["enterprise", "USD", "year"] == "946.00"


FAULTS = [
    # what is written, what is written instead, the path that is named, a part of the rule
    ('amount = "529.00"', "amount = 529.00", "/plan/1/price/0/amount", "never a float"),
    ('amount = "529.00"', "amount = 529", "/plan/1/price/0/amount", "never a float"),
    ('amount = "529.00"', 'amount = "-529.00"', "/plan/1/price/0/amount", "must not be negative"),
    ('amount = "529.00"', 'amount = "529.001"', "/plan/1/price/0/amount", "at most 2 decimal places"),
    ('amount = "529.00"', 'amount = "5e2"', "/plan/1/price/0/amount", "decimal such as"),
    (', amount = "529.00"', "", "/plan/1/price/0/amount", "is required"),
    ('{ currency = "ZAR", interval', "{ interval", "/plan/0/price/0/currency", "is required"),
    ('currency = "ZAR"', 'currency = "EUR"', "/plan/0/price/0/currency", "one of ZAR, USD"),
    ('interval = "month"', 'interval = "week"', "/plan/0/price/0/interval", "one of month, year"),
    ('interval = "month"', 'interval = ["month"]', "/plan/0/price/0/interval", "one of month, year"),
    ('amount = "60.00"', 'amount = "60.000000000000"', None, ""),
    ('amount = "60.00"', 'amount = "0.0000000001"', "/plan/1/usage/0/price/0/amount", "at most 12 decimal places"),
    ("per = 1_000_000", "per = 1_500", "/plan/1/usage/0/price/0/per", "power of ten"),
    ("per = 1_000_000", "per = 0", "/plan/1/usage/0/price/0/per", "power of ten"),
    ("per = 1_000_000", "per = -10", "/plan/1/usage/0/price/0/per", "whole number"),
    ("included = 2000", "included = 2000.5", "/plan/1/usage/0/included", "whole number"),
    ("included = 2000", 'included = "2000.5"', None, ""),
    ("included = 2000", 'included = "-1"', "/plan/1/usage/0/included", "must not be negative"),
    ("overage = true\n", "", "/plan/1/usage/0/overage", "is required"),
    ("overage = true", 'overage = "yes"', "/plan/1/usage/0/overage", "true or false"),
    ("overage = true", "overage = false", "/plan/1/usage/0/price", "left out where overage is refused"),
    ('meter = "agent.execution"', 'meter = "agent.runs"', "/plan/0/usage/0/meter", "[[meter]]"),
    ("storage_mb = 512,", "", "/plan/0/limits/storage_mb", "is required"),
    ("storage_mb = 512,", "storage_mb = true,", "/plan/0/limits/storage_mb", "whole number"),
    ("storage_mb = 512,", "storage_mb = -1,", "/plan/0/limits/storage_mb", "whole number"),
    ("limits = { agents = 3,", "limits = { seats = 1, agents = 3,", "/plan/0/limits/seats", "not a known key"),
    ('tagline = "To begin with"', 'tagline = "To begin with"\ncolour = 1', "/plan/0/colour", "not a known key"),
    ('tagline = "To begin with"\n', "", "/plan/0/tagline", "is required"),
    ('tagline = "To begin with"', 'tagline = " "', "/plan/0/tagline", "1 to 200 characters"),
    ('tagline = "To begin with"', "tagline = 7", "/plan/0/tagline", "1 to 200 characters"),
    ('features = ["All agents"]', "features = [1]", "/plan/0/features", "list of texts"),
    ('features = ["All agents"]\n', "", "/plan/0/features", "is required"),
    ('key = "pro"', 'key = "Pro plan"', "/plan/1/key", "must match"),
    ('key = "pro"', 'key = "free"', "/plan", "must not repeat the key free"),
    ("rank = 1", "rank = 0", "/plan", "must not repeat the rank 0"),
    ("default = true", "default = false", "/plan", "exactly one default plan, not 0"),
    ("default = true\n", "", "/plan", "exactly one default plan, not 0"),
    ("rank = 1", "rank = 1\ndefault = true", "/plan", "exactly one default plan, not 2"),
    ('amount = "0.00"', 'amount = "1.00"', "/plan/0/price", "must be zero"),
    ('interval = "month"', 'interval = "year"', "/plan/0/price", "monthly price in ZAR"),
    ("price = [{", "prices = [{", "/plan/0/price", "is required"),
    ("usage = [{", "usage = [] # [{", "/plan/0/usage", "one or more tables"),
    ('[[plan]]\nkey = "free"', '[plan]\nkey = "free"', "", "must be TOML"),
    ("[[meter]]", "[meter]", "/meter", "one or more tables"),
    ('tagline = "To begin with"', r'tagline = "To\u0000begin"', "/plan/0/tagline", "one line, without control"),
    ('name = "Pro"', r'name = "Pro\nfessional"', "/plan/1/name", "one line, without control"),
    ('features = ["All agents"]', r'features = ["All", "\u0000"]', "/plan/0/features/1", "one line, without control"),
    ('unit = "executions"', r'unit = "x\u0085y"', "/meter/0/unit", "one line, without control"),
    ('name = "Agent executions"', r'name = "Agent\u0000"', "/meter/0/name", "one line, without control"),
    ('name = "Pro"', r'name = "Pro\u202e"', "/plan/1/name", "one line, without control"),
    ("rank = 1", "rank = 1_000_001", "/plan/1/rank", "from 0 to 1000000"),
    ('amount = "529.00"', 'amount = "\u0661.00"', "/plan/1/price/0/amount", "decimal such as"),
    ("[[meter]]", f"x = {'[' * 5_000}{']' * 5_000}\n[[meter]]", "", "must not nest so deep"),
]


@pytest.mark.parametrize("old, new, path, rule", FAULTS)
def test_every_fault_is_named_by_its_path(old: str, new: str, path: str | None, rule: str) -> None:
    if path is None:  # looks like a fault and is none
        assert load_catalog(WHOLE.replace(old, new, 1)).plans
        return
    found = changed(old, new)
    assert path in found, found
    assert rule in found[path]


def test_limits_that_are_no_table_are_one_error() -> None:
    line = FREE[FREE.index("limits = ") : FREE.index("price = ")]
    assert changed(line, "limits = 3\n") == {"/plan/0/limits": "must be a table"}
    assert changed(line, "") == {"/plan/0/limits": "is required"}


def test_prices_of_one_kind_may_not_repeat() -> None:
    twice = '{ currency = "ZAR", interval = "month", amount = "529.00" }, '
    assert changed("price = [" + twice[:-2], "price = [" + twice + twice[:-2]) == {
        "/plan/1/price": "must not repeat ZAR month"
    }
    usage = '{ currency = "ZAR", amount = "60.00", per = 1_000_000 }'
    assert "/plan/1/usage/0/price/1/currency" in changed(usage, f"{usage}, {usage}")
    meter = '{ meter = "agent.execution", included = 50, overage = false }'
    assert "must not repeat agent.execution" in changed(meter, f"{meter}, {meter}")["/plan/0/usage"]


def test_usage_is_priced_in_exactly_the_currencies_of_the_plan() -> None:
    rules = changed('{ currency = "ZAR", amount = "60.00", per', '{ currency = "USD", amount = "3.00", per')
    assert rules == {"/plan/1/usage/0/price": "has a price in USD, in which the plan is not sold"}
    rand = '{ currency = "ZAR", interval = "month", amount = "529.00" }'
    dollars = WHOLE.replace(rand, rand + ', { currency = "USD", interval = "month", amount = "29" }')
    rules = errors_of(dollars)
    assert rules == {"/plan/1/usage/0/price": "must have a price in USD, in which the plan is sold"}
    both = '{ currency = "ZAR", amount = "60.00" }, { currency = "USD", amount = "3.00" }'
    rules = changed('{ currency = "ZAR", amount = "60.00", per = 1_000_000 }', both)
    assert rules == {"/plan/1/usage/0/price": "has a price in USD, in which the plan is not sold"}


@pytest.mark.parametrize("currency", EXPONENTS)
def test_the_default_plan_is_sold_in_every_currency_that_a_customer_can_have(currency: str) -> None:
    """Goal: also where no plan is sold in it, because registration offers every currency there is."""
    prices = FREE[FREE.index("price = ") : FREE.index("usage = ")]
    others = [f'{{ currency = "{each}", interval = "month", amount = "0" }}' for each in EXPONENTS if each != currency]
    found = changed(prices, f"price = [{', '.join(others)}]\n")
    assert set(found) == {"/plan/0/price"}
    assert f"monthly price in {currency}" in found["/plan/0/price"]


@pytest.mark.parametrize("value", ["2026-04-01T00:00:00", "2026-04-01", '"2026-04-01T00:00:00Z"'])
def test_an_effective_date_has_an_offset(value: str) -> None:
    assert errors_of(f"effective_from = {value}\n{WHOLE}") == {
        "/effective_from": "must be a date and time with a UTC offset"
    }


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z"])
def test_an_effective_date_is_one_that_every_zone_can_tell(value: str) -> None:
    """One before the first year was stored, and then no catalog could be read any more."""
    assert errors_of(f"effective_from = {value}\n{WHOLE}") == {"/effective_from": "must be in a year from 1970 to 9998"}


def test_a_file_without_plans_or_meters() -> None:
    assert errors_of("") == {"/plan": "is required"}
    assert errors_of("plan = 3") == {"/plan": "must be one or more tables, written as [[plan]]"}
    assert errors_of("surprise = 1\n" + WHOLE) == {"/surprise": "is not a known key"}
    no_meters = FREE.replace('usage = [{ meter = "agent.execution", included = 50, overage = false }]', "")
    assert load_catalog(no_meters).meters == ()
    assert "/plan/0/usage/0/meter" in errors_of(FREE)


def test_all_faults_are_reported_at_once() -> None:
    broken = WHOLE.replace('amount = "529.00"', "amount = 529.0").replace('"To begin with"', "7")
    assert set(errors_of(broken)) == {"/plan/1/price/0/amount", "/plan/0/tagline"}


@pytest.mark.parametrize(
    "days, rule", [(0, "must be from 1 to 365"), (366, "must be from 1 to 365"), (14, "the default plan is free")]
)
def test_a_trial_has_days_and_the_default_plan_has_none(days: int, rule: str) -> None:
    assert rule in changed('key = "free"', f'key = "free"\ntrial_days = {days}')["/plan/0/trial_days"]
