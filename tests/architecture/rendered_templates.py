"""A pytest plugin that notes which templates the tests render, and fails a whole run that left one out.

Works alone and under pytest-xdist: each worker hands its names to the controller. A run of some tests only can't know,
so it says that it did not check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jinja2
import pytest

from autorisen.ui.render import environment

_seen: set[str] = set()
_KEY = "rendered_templates"


def record(made: jinja2.Environment, seen: set[str]) -> None:
    """Note every template that `made` gives out: rendered, extended, included or imported."""
    give_out = made.get_template

    def get_template(name: Any, *arguments: Any, **options: Any) -> jinja2.Template:
        # The name that was asked for: a PrefixLoader gives its templates names without their prefix.
        if isinstance(name, str):
            seen.add(name)
        return give_out(name, *arguments, **options)

    made.get_template = get_template  # type: ignore[method-assign]  # Jinja has no hook of its own for this


def unrendered(made: jinja2.Environment, seen: Iterable[str]) -> list[str]:
    return sorted(set(made.list_templates(extensions=["html", "txt", "xml"])) - set(seen))


def is_whole(config: pytest.Config) -> bool:
    """Whether the run has all tests: no paths and no option on the command line that leaves tests out."""
    chosen = [config.getoption(name, default=None) for name in ("keyword", "markexpr", "lf", "collectonly", "deselect")]
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(chosen)


def pytest_configure(config: pytest.Config) -> None:
    record(environment(), _seen)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _seen.update(getattr(node, "workeroutput", {}).get(_KEY, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_KEY] = sorted(_seen)
    elif exitstatus == pytest.ExitCode.OK and is_whole(session.config) and unrendered(environment(), _seen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not is_whole(config):
        terminalreporter.write_line("templates: not checked, this run has some of the tests only")
    elif missing := unrendered(environment(), _seen):
        terminalreporter.write_line(f"templates: no test renders {', '.join(missing)}", red=True)
    else:
        terminalreporter.write_line(f"templates: all {len(_seen)} rendered by some test")
