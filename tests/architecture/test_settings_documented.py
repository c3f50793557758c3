"""docs/settings.md is the table of all settings, and nothing reads the environment behind their back."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from scripts.write_settings import PAGE, page
from tests.architecture.conftest import Plant
from tests.architecture.source_tree import SourceTree

# They pass an environment on to a process that they start, or choose a test database; none is a setting.
_PASS_ON = frozenset(
    {
        "kit/embedded_postgres.py",
        "kit/server_account.py",
        "kit/run_unprivileged.py",
        "supervisor.py",
        "cli/processes.py",
    }
)


def reads_of_the_environment(tree: SourceTree) -> Iterator[str]:
    for module in tree.modules:
        path = module.path.as_posix()
        if path == "kit/settings.py" or path in _PASS_ON:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}:
                yield f"{module.at(node)} reads the environment; make it a setting"


def test_the_page_equals_the_settings() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python scripts/write_settings.py`"


def test_every_setting_is_described() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert len(rows) > 10
    assert all(len(row.split("|")[3].strip()) > 10 for row in rows)


def test_only_settings_read_the_environment(source: SourceTree) -> None:
    assert list(reads_of_the_environment(source)) == []


@pytest.mark.parametrize("line", ["import os\nx = os.environ['X']", "import os\nx = os.getenv('X')"])
def test_a_hidden_setting_is_seen(plant: Plant, line: str) -> None:
    tree = plant({"billing/collect.py": line, "kit/settings.py": line})
    assert len(list(reads_of_the_environment(tree))) == 1
