"""Time, ids and randomness are arguments, and money is never a float. ruff bans the imports; this sees the calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.conftest import Plant
from tests.architecture.source_tree import Module, SourceTree, dotted_call, imports

# The only readers of the machine's clock and of its randomness.
SOURCES_OF_TIME = frozenset({"kit/clock.py", "client/system.py"})
SOURCES_OF_IDS = frozenset({"kit/ids.py", "client/system.py"})

_TIME = frozenset(
    {f"{owner}.{name}" for owner in ("datetime", "datetime.datetime") for name in ("now", "utcnow", "today")}
    | {"date.today", "datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"}
)
_IDS = frozenset({"uuid.uuid1", "uuid.uuid4", "uuid4", "uuid1", "os.urandom", "urandom"})
_RANDOM_MODULES = frozenset({"random", "secrets"})

_MONEY = frozenset({"catalog", "ledger", "billing", "payments", "subscriptions", "metering"})


def system_calls(tree: SourceTree) -> Iterator[str]:
    """Reads of the machine's clock or randomness outside the two files that may."""
    for module in tree.modules:
        path = module.path.as_posix()
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.Attribute, ast.Name)):
                called = dotted_call(node)
                if called in _TIME and path not in SOURCES_OF_TIME:
                    yield f"{module.at(node)} reads the clock by {called}; take the unit's instant"
                if called in _IDS and path not in SOURCES_OF_IDS:
                    yield f"{module.at(node)} makes an id by {called}; take it from the unit"
        for node, dotted in imports(module):
            if dotted.split(".")[0] in _RANDOM_MODULES and path not in SOURCES_OF_IDS:
                yield f"{module.at(node)} imports {dotted}; take randomness from the unit"


def floats_in_money(tree: SourceTree) -> Iterator[str]:
    """`float(...)`, `: float` and float literals where money or quantities are counted."""
    for module in tree.modules:
        if not _counts_money(module):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id == "float":
                yield f"{module.at(node)} uses float; money is int minor units, quantities are Decimal"
            elif isinstance(node, ast.Constant) and isinstance(node.value, float):
                yield f"{module.at(node)} has the float {node.value}; write it as a Decimal or in whole units"


def _counts_money(module: Module) -> bool:
    return module.home in _MONEY or module.path.as_posix() == "kit/money.py"


def test_time_ids_and_randomness_are_arguments(source: SourceTree) -> None:
    assert list(system_calls(source)) == []


def test_money_is_never_a_float(source: SourceTree) -> None:
    assert list(floats_in_money(source)) == []


@pytest.mark.parametrize(
    "line",
    [
        "now = datetime.now(UTC)",
        "import time\nx = time.time()",
        "import datetime\nx = datetime.datetime.utcnow",
        "x = uuid.uuid4()",
        "from uuid import uuid4\nx = uuid4()",
        "import random",
        "from secrets import token_urlsafe",
    ],
)
def test_a_read_of_the_system_is_seen(plant: Plant, line: str) -> None:
    assert len(list(system_calls(plant({"billing/issue_invoice.py": line})))) == 1


def test_the_two_files_may(plant: Plant) -> None:
    tree = plant({"kit/clock.py": "now = datetime.now(UTC)", "kit/ids.py": "import secrets\nx = uuid.uuid4()"})
    assert list(system_calls(tree)) == []


@pytest.mark.parametrize("line", ["x = float(y)", "def f(x: float): ...", "tax = total * 0.15"])
def test_a_float_in_money_is_seen(plant: Plant, line: str) -> None:
    assert len(list(floats_in_money(plant({"billing/tax.py": line, "portal/chart.py": line})))) == 1
