"""A tree of Python source as the architecture rules see it: parsed, never imported.

Each rule is a function over a `SourceTree`, so that it runs on our own source and on a temporary one with a fault.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = "autorisen"

# Libraries: their submodules may be imported by name.
LIBRARIES = frozenset({"kit", "ui"})
# Composition roots: the only files that know everything.
ROOTS = frozenset({"app", "worker", "cli", "serve", "supervisor", "__init__", "__main__"})

_LOOKS_LIKE_SQL = re.compile(
    r"^\s*(?:--[^\n]*\n\s*)*(?:"
    r"SELECT\b|WITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\([^)]*\)\s*)?AS\b|INSERT\s+INTO\b|UPDATE\s+\S+(?:\s+(?:AS\s+)?\w+)?\s+SET\b"
    r"|DELETE\s+FROM\b|TRUNCATE\s+|MERGE\s+INTO\b|COPY\s+\S+\s*(?:\([^)]*\)\s*)?(?:FROM|TO)\b"
    r"|(?:CREATE|ALTER|DROP)\s+(?:TABLE|SCHEMA|INDEX|UNIQUE|TRIGGER|FUNCTION|VIEW|TYPE|DATABASE)\b"
    r"|LOCK\s+TABLE\b|SET\s+(?:LOCAL|TRANSACTION|TIME\s+ZONE)\b|SET\s+\w+\s*(?:=|TO\b))"
)


def looks_like_sql(text: str) -> bool:
    """Whether a string constant is a statement: by its first words, in the capitals that we write SQL in."""
    return _LOOKS_LIKE_SQL.match(text) is not None


@dataclass(frozen=True)
class Module:
    """One file of the tree; `path` is relative to the package, `dotted` its import name."""

    root: Path
    path: Path

    @cached_property
    def text(self) -> str:
        return (self.root / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def dotted(self) -> str:
        parts = [PACKAGE, *self.path.with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def home(self) -> str:
        """The capability (or composition root) that the file belongs to."""
        return self.path.parts[0].removesuffix(".py")

    def at(self, node: ast.AST) -> str:
        return f"{self.path.as_posix()}:{getattr(node, 'lineno', 1)}"

    def constants(self) -> dict[str, ast.expr]:
        """Names assigned at module level, with what they are assigned."""
        found: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                found[node.target.id] = node.value
        return found

    def statements(self) -> dict[str, tuple[int, str]]:
        """The SQL constants of the module: name -> (line, text)."""
        return {
            name: (value.lineno, value.value)
            for name, value in self.constants().items()
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and looks_like_sql(value.value)
        }


@dataclass(frozen=True)
class SourceTree:
    """The package folder `root` and every Python file below it."""

    root: Path

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        paths = sorted(path.relative_to(self.root) for path in self.root.rglob("*.py"))
        return tuple(Module(self.root, path) for path in paths)

    @cached_property
    def by_name(self) -> dict[str, Module]:
        return {module.dotted: module for module in self.modules}

    @property
    def capabilities(self) -> frozenset[str]:
        """The packages that are neither libraries nor composition roots."""
        folders = {path.parent.name for path in self.root.glob("*/__init__.py")}
        return frozenset(folders - LIBRARIES - ROOTS)

    def named(self, name: str) -> Iterator[Module]:
        return (module for module in self.modules if module.path.name == name)


def our_source() -> SourceTree:
    return SourceTree(REPOSITORY / "src" / PACKAGE)


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every import of the module, also inside functions: `from a.b import c` gives `a.b.c`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def is_upper(name: str) -> bool:
    return re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name) is not None


def dotted_call(node: ast.expr) -> str:
    """`datetime.datetime.now` for such an expression; empty for anything more complicated."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted_call(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
