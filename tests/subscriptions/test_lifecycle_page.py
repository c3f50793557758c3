"""docs/lifecycle.md shows the state table as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from autorisen.subscriptions import Status
from autorisen.subscriptions.model import MOVES, TRANSITIONS
from scripts import write_lifecycle


def test_the_page_is_not_stale() -> None:
    assert write_lifecycle.main(["--check"]) == 0, "run `python scripts/write_lifecycle.py`"


def test_a_stale_page_is_noticed_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "lifecycle.md"
    monkeypatch.setattr(write_lifecycle, "PAGE", written)
    assert write_lifecycle.main(["--check"]) == 1
    written.write_text("old")
    assert write_lifecycle.main(["--check"]) == 1
    assert write_lifecycle.main([]) == 0
    assert write_lifecycle.main(["--check"]) == 0


def test_the_page_has_every_move_and_every_cell() -> None:
    text = write_lifecycle.page()
    for before, after in MOVES:
        assert f"    {before} --> {after}: " in text
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == len(Status) + 2]
    assert len(rows) == len(TRANSITIONS[Status.ACTIVE])
