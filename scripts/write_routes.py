"""Write docs/routes.md: every address that the web process answers. `--check` only compares (exit 1 if different)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from autorisen.app import create_app
from autorisen.kit.open_runtime import make_runtime
from autorisen.kit.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "routes.md"
_INTRODUCTION = """# Routes

Written by `python scripts/write_routes.py` from the running routers; a test holds it to them. The whole description
of the machine interface, with types and errors, is the OpenAPI document at `/api/openapi.json`.
"""
_FOREIGN = """These keep the contracts of other products ([how to use their clients](howto/use-other-clients.md)),
errors included, so their owners' documents describe them and ours does not."""


@dataclass(frozen=True, order=True)
class Served:
    """One address with one method, and the function that answers it."""

    path: str
    method: str
    name: str
    about: str


def served(app: FastAPI) -> Iterator[Served]:
    """Every route of the app, also those of routers inside of routers."""
    for context in iter_route_contexts(app.routes):
        for method in context.methods or ():
            if context.path and (method != "HEAD" or context.methods == {"HEAD"}):
                yield Served(context.path, method, context.name or "", _title(context.endpoint))


def is_foreign(path: str) -> bool:
    """Whether the address keeps somebody else's contract."""
    return path.startswith(("/compat/", "/v1/"))


def page(app: FastAPI) -> str:
    """The whole page as Markdown."""
    operations = app.openapi()["paths"]
    rows = sorted(served(app))
    lines = [_INTRODUCTION, "## For machines", "", "| method | path | operation | about |", "| --- | --- | --- | --- |"]
    for row in rows:
        if row.path in operations:
            operation = operations[row.path][row.method.lower()]
            lines.append(f"| {row.method} | `{row.path}` | `{operation['operationId']}` | {row.about} |")
    lines += ["", "## For others' clients", "", _FOREIGN, "", "| method | path | about |", "| --- | --- | --- |"]
    lines += [f"| {row.method} | `{row.path}` | {row.about} |" for row in rows if is_foreign(row.path)]
    people = [row for row in rows if row.path not in operations and not is_foreign(row.path)]
    lines += ["", "## For people", "", "| method | path | what it is |", "| --- | --- | --- |"]
    lines += [f"| {row.method} | `{row.path}` | {row.about} |" for row in people]
    return "\n".join(lines) + "\n"


def _title(endpoint: Callable[..., object] | None) -> str:
    """The first sentence of the docstring, or the function's name in words."""
    first = (getattr(endpoint, "__doc__", None) or "").strip().split("\n\n")[0]
    sentence = " ".join(first.split()).split(". ")[0].rstrip(".")
    return (sentence or getattr(endpoint, "__name__", "").replace("_", " ").capitalize()).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    text = page(create_app(make_runtime(Settings(), "postgresql://nobody@localhost/none")))
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
