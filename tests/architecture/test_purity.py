"""A decision waits for nothing and opens nothing: pure modules have no async code, no files, no environment.

The contract in `.importlinter` names the pure modules and says what they may not reach; this reads their bodies.
"""

from __future__ import annotations

import ast
import configparser
import fnmatch
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.conftest import Plant
from tests.architecture.source_tree import REPOSITORY, Module, SourceTree

_WAITS = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
_OPENS = frozenset({"open", "print", "input"})
_READS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes", "environ", "getenv"})


def pure_patterns(repository: Path) -> list[str]:
    """The source modules of the purity contract."""
    config = configparser.ConfigParser()
    config.read(repository / ".importlinter")
    return config["importlinter:contract:pure-models"]["source_modules"].split()


def pure_modules(tree: SourceTree, patterns: list[str]) -> Iterator[Module]:
    for module in tree.modules:
        if any(fnmatch.fnmatchcase(module.dotted, pattern.replace("**", "*")) for pattern in patterns):
            yield module


def impurities(tree: SourceTree, patterns: list[str]) -> Iterator[str]:
    for module in pure_modules(tree, patterns):
        protocols = {id(part) for node in ast.walk(module.tree) if _is_protocol(node) for part in ast.walk(node)}
        for node in ast.walk(module.tree):
            if id(node) in protocols:
                continue
            if isinstance(node, _WAITS):
                yield f"{module.at(node)} waits; a pure module decides over values only"
            elif isinstance(node, ast.Name) and node.id in _OPENS:
                yield f"{module.at(node)} uses {node.id}"
            elif isinstance(node, ast.Attribute) and node.attr in _READS:
                yield f"{module.at(node)} uses .{node.attr}"


def _is_protocol(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("Protocol") for base in node.bases)


def test_decisions_are_pure(source: SourceTree) -> None:
    assert list(impurities(source, pure_patterns(REPOSITORY))) == []


def test_the_pure_modules_are_found(source: SourceTree) -> None:
    found = {module.dotted for module in pure_modules(source, pure_patterns(REPOSITORY))}
    assert {"autorisen.catalog.rate", "autorisen.catalog.model", "autorisen.kit.work.model"} <= found


@pytest.mark.parametrize(
    "line",
    [
        "async def f(): ...",
        "x = open('y')",
        "import os\nx = os.environ['Y']",
        "from pathlib import Path\nx = Path('y').read_text()",
    ],
)
def test_an_impurity_is_seen(plant: Plant, line: str) -> None:
    tree = plant({"billing/model.py": line, "billing/store.py": line})
    assert len(list(impurities(tree, ["autorisen.**.model"]))) == 1
