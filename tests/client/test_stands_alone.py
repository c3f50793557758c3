"""The client could be shipped alone: it needs Python, httpx and msgspec, and nothing of the server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from autorisen.client.ids import Ids
from tests.architecture.source_tree import Module, imports, our_source

ALLOWED = {"httpx", "msgspec"}


def foreign(module: Module) -> list[str]:
    names = [dotted for _, dotted in imports(module)]
    return [
        name
        for name in names
        if name.split(".")[0] not in sys.stdlib_module_names | ALLOWED and not name.startswith("autorisen.client.")
    ]


def test_it_imports_nothing_else() -> None:
    modules = [module for module in our_source().modules if module.home == "client"]
    assert len(modules) > 8
    assert [name for module in modules for name in foreign(module)] == []


def test_it_runs_without_the_rest(tmp_path: Path) -> None:
    package = tmp_path / "autorisen"
    source = our_source().root / "client"
    shutil.copytree(source, package / "client", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    code = (
        "import sys; from autorisen.client import Client\n"
        "with Client('http://127.0.0.1:9', 'k', source='alone', spool='spool.db', sending=False) as client:\n"
        "    print(client.record('note', 'acme', {}), client.status().pending)\n"
        "print(sorted(name for name in sys.modules if name.startswith(('autorisen.', 'pydantic', 'fastapi'))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.split()[1] == "1"
    assert "autorisen.kit" not in second
    assert "pydantic" not in second


@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=50), st.binary(min_size=8, max_size=8))
def test_ids_are_uuid_of_version_7_and_sort(times: list[int], chance: bytes) -> None:
    """Property: whatever the clock does, also backwards, ids of one process sort as they were made."""
    ids = Ids(lambda _: chance)
    made = [ids.new(at) for at in times]
    assert made == sorted(made)
    assert all(UUID(each).version == 7 and UUID(each).variant == "specified in RFC 4122" for each in made)
    assert all(str(UUID(each)) == each for each in made)
    assert len(set(made)) == len(made)


def test_ids_overflow_into_the_next_millisecond() -> None:
    ids = Ids(lambda count: b"\0" * count)
    made = [ids.new(5) for _ in range(5000)]
    assert made == sorted(set(made))
