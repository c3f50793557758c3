"""Who silences a checker says which rule and why, on the line."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import REPOSITORY
from tests.architecture.test_sizes import python_files

_SILENCER = re.compile(
    r"#\s*(?:(?P<noqa>noqa)(?P<rules>:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?"
    r"|(?P<type>type:\s*ignore)(?P<codes>\[[\w\-, ]+\])?"
    r"|(?P<cover>pragma:\s*no (?:cover|branch)))(?P<reason>[^\n]*)"
)
_REASON_LENGTH_MIN = 8


def unexplained(path: Path) -> Iterator[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        for match in _SILENCER.finditer(token.string):
            where = f"{path}:{token.start[0]}"
            if (match["noqa"] and not match["rules"]) or (match["type"] and not match["codes"]):
                yield f"{where} {token.string!r} silences everything; name the rule"
            elif len(re.sub(r"\W", "", match["reason"])) < _REASON_LENGTH_MIN:
                yield f"{where} {token.string!r} gives no reason"


def test_every_silencer_names_its_rule_and_its_reason() -> None:
    assert [fault for path in python_files(REPOSITORY) for fault in unexplained(path)] == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S101",
        "# type: ignore",
        "# type: ignore[arg-type]",
        "# pragma: no cover",
        "# noqa: S101 -- ok",
    ],
)
def test_a_silencer_without_a_reason_is_seen(tmp_path: Path, comment: str) -> None:
    path = tmp_path / "x.py"
    path.write_text(f"x = 1  {comment}\n")
    assert len(list(unexplained(path))) == 1


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: S704 -- made of our own constants",
        "# type: ignore[arg-type]  # the stub lacks bytes",
        "# pragma: no cover - only on Windows",
    ],
)
def test_a_silencer_with_a_reason_may_stay(tmp_path: Path, comment: str) -> None:
    path = tmp_path / "x.py"
    path.write_text(f"x = 1  {comment}\n")
    assert list(unexplained(path)) == []
