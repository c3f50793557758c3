"""Templates refer to themselves and to ui/ only, carry no inline script or style, and are all rendered by some test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

from tests.architecture import rendered_templates
from tests.architecture.rendered_templates import record, unrendered
from tests.architecture.source_tree import REPOSITORY, SourceTree

_REFERENCE = re.compile(r"{%-?\s*(?:extends|include|import|from)\s+[\"']([^\"']+)[\"']")
# A page in one of two frames: the choice is between two literal names, and both are checked.
_OTHERWISE = re.compile(r"{%-?\s*extends\s+[\"'][^\"']+[\"']\s+if\s+[\w.]+\s+else\s+[\"']([^\"']+)[\"']")
_DYNAMIC = re.compile(r"{%-?\s*(?:extends|include|import|from)\s+(?![\"'])\S+")
_INLINE = re.compile(
    r"<script(?![^>]*\b(?:src=|type=.application/json))[^>]*>|<style\b|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE
)
_UNSAFE = re.compile(r"\|\s*safe\b|{%-?\s*autoescape\s+false")


def templates(tree: SourceTree) -> Iterator[tuple[str, Path]]:
    """(capability, file) of every template."""
    for path in sorted(tree.root.rglob("templates/**/*.html")):
        yield path.relative_to(tree.root).parts[0], path


def faulty_templates(tree: SourceTree) -> Iterator[str]:
    for home, path in templates(tree):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(tree.root).as_posix()
        for match in (*_REFERENCE.finditer(text), *_OTHERWISE.finditer(text)):
            if match[1].split("/")[0] not in {home, "ui"}:
                yield f"{where} refers to {match[1]}; a template refers to its own capability or to ui/"
        for pattern, rule in (
            (_DYNAMIC, "names another template by an expression, which no test can follow"),
            (_INLINE, "has an inline script, style or handler, which the CSP forbids"),
            (_UNSAFE, "switches escaping off"),
        ):
            for match in pattern.finditer(text):
                yield f"{where} {rule}: {match[0].strip()}"


def test_templates_are_in_order(source: SourceTree) -> None:
    assert list(faulty_templates(source)) == []


def test_there_are_templates(source: SourceTree) -> None:
    assert len(list(templates(source))) > 10


@pytest.mark.parametrize(
    "text",
    [
        '{% include "accounts/login.html" %}',
        "{%- extends 'portal/base.html' %}",
        "{% include name %}",
        '{% extends "ui/app.html" if desk.is_app else "portal/base.html" %}',
        "<script>alert(1)</script>",
        '<p style="color: red">',
        '<button onclick="x()">',
        "{{ text|safe }}",
    ],
)
def test_a_fault_is_seen(tmp_path: Path, text: str) -> None:
    path = tmp_path / "billing" / "templates" / "invoices.html"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert len(list(faulty_templates(SourceTree(tmp_path)))) == 1


def test_what_is_fine_passes(tmp_path: Path) -> None:
    path = tmp_path / "billing" / "templates" / "invoices.html"
    path.parent.mkdir(parents=True)
    path.write_text(
        '{% extends "ui/app.html" %}{% include "billing/_rows.html" %}<script src="x.js" type="module"></script>'
    )
    assert list(faulty_templates(SourceTree(tmp_path))) == []


def test_rendered_extended_included_and_imported_templates_are_noted() -> None:
    files = {
        "base.html": "{% block x %}{% endblock %}",
        "part.html": "part",
        "macros.html": "{% macro m() %}m{% endmacro %}",
        "page.html": '{% extends "ui/base.html" %}{% import "ui/macros.html" as m %}'
        '{% block x %}{% include "ui/part.html" %}{% endblock %}',
        "forgotten.html": "",
    }
    made = jinja2.Environment(loader=jinja2.PrefixLoader({"ui": jinja2.DictLoader(files)}), autoescape=True)
    seen: set[str] = set()
    record(made, seen)
    assert made.get_template("ui/page.html").render() == "part"
    assert unrendered(made, seen) == ["ui/forgotten.html"]


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_whole_run_that_renders_one_template_fails(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text('pytest_plugins = ["tests_of_house"]\n')
    # The plugin under its own file: `tests` is another folder in here.
    (tmp_path / "tests_of_house.py").write_text(Path(rendered_templates.__file__).read_text())
    (tmp_path / "tests" / "test_one.py").write_text(
        "from autorisen.ui.render import environment\n"
        "def test_one():\n    assert environment().get_template('ui/problem.html')\n"
    )
    done = _pytest(tmp_path, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "templates: no test renders" in done.stdout
    assert "ui/problem.html" not in done.stdout
    if not options:
        some = _pytest(tmp_path, "tests/test_one.py")
        assert some.returncode == 0, some.stdout + some.stderr
        assert "templates: not checked" in some.stdout


def _pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
