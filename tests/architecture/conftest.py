"""The source under test, and a way to plant a fault in a temporary one."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.architecture.source_tree import SourceTree, our_source

Plant = Callable[[Mapping[str, str]], SourceTree]


@pytest.fixture(scope="session")
def source() -> SourceTree:
    return our_source()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Write files (path in the package -> text) into a temporary `autorisen` and return that tree."""

    def write(files: Mapping[str, str]) -> SourceTree:
        root = tmp_path / "autorisen"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
            for folder in (path.parent, *path.parent.parents):
                if not folder.is_relative_to(root):
                    break
                (folder / "__init__.py").touch()
        return SourceTree(root)

    return write
