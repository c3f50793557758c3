"""The documents: links lead somewhere, commands exist, and every term is used as it is explained."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorisen.projectplan import PlanStatus, shipped_plan
from tests.architecture.source_tree import REPOSITORY

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"`make ([a-z-]+)\b")
_MAKE_LINE = re.compile(r"^make ([a-z-]+)\b", re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def documents(repository: Path) -> Iterator[Path]:
    yield from sorted(repository.glob("*.md"))
    yield from sorted((repository / "docs").rglob("*.md"))


def anchor(heading: str) -> str:
    """The fragment that a heading gets on the usual hosts."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def broken_links(repository: Path) -> Iterator[str]:
    for path in documents(repository):
        text = _FENCE.sub("", path.read_text(encoding="utf-8"))
        for match in _LINK.finditer(text):
            target = match[1] or match[2]
            if target.startswith(("http://", "https://", "mailto:")):
                continue
            name, _, fragment = target.partition("#")
            file = (path.parent / name) if name else path
            if not file.exists():
                yield f"{path.relative_to(repository)}: {target} does not exist"
            elif fragment and file.suffix == ".md":
                headings = {anchor(each) for each in _HEADING.findall(file.read_text(encoding="utf-8"))}
                if fragment not in headings:
                    yield f"{path.relative_to(repository)}: {target} has no such heading"


def unknown_commands(repository: Path) -> Iterator[str]:
    """`make x` in the documents without a target x."""
    targets = set(re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in documents(repository):
        text = path.read_text(encoding="utf-8")
        named = _MAKE.findall(text) + [name for block in _FENCE.findall(text) for name in _MAKE_LINE.findall(block)]
        for name in named:
            if name not in targets:
                yield f"{path.relative_to(repository)}: there is no `make {name}`"


def test_links_lead_somewhere() -> None:
    assert list(broken_links(REPOSITORY)) == []


def test_commands_exist() -> None:
    assert list(unknown_commands(REPOSITORY)) == []


@pytest.mark.parametrize(
    "name", ["README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG", "SECURITY", "docs/glossary", "docs/SYSTEM_SPEC"]
)
def test_the_documents_are_there(name: str) -> None:
    assert len((REPOSITORY / f"{name}.md").read_text(encoding="utf-8").split()) > 80


def test_every_dependency_has_its_reason() -> None:
    """One line a dependency, runtime and development, in docs/decisions/0002."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    listed = {re.split(r"[\[><=~ ]", each)[0] for group in groups for each in group if isinstance(each, str)}
    reasons = (REPOSITORY / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    assert listed
    assert {name for name in listed if f"`{name}`" not in reasons} == set()


def test_what_is_done_names_its_files_and_its_proof() -> None:
    for task in shipped_plan().tasks:
        if task.status is PlanStatus.DONE:
            assert task.artifacts, f"{task.id} is done without an artifact"
            assert task.verification_commands, f"{task.id} is done without a verification command"
        for artifact in task.artifacts:
            assert list(REPOSITORY.glob(artifact)), f"{task.id}: {artifact} does not exist"


def test_faults_are_seen(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("run:\n")
    (tmp_path / "README.md").write_text(
        "# A House\n[a](missing.md) [b](#a-house) [c](#cellar) [d](https://x.example)\n`make run` `make hay`\n"
        "```\n[e](code.md)\nmake money\n```\nmake sense\n"
    )
    assert [fault.split(": ")[1].split()[0] for fault in broken_links(tmp_path)] == ["missing.md", "#cellar"]
    assert list(unknown_commands(tmp_path)) == [
        "README.md: there is no `make hay`",
        "README.md: there is no `make money`",
    ]
