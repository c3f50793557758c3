"""The floors of coverage, on reports with a hole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.coverage_gate import FLOORS, WHOLE, main, shortfalls


def report(**covered: int) -> dict[str, Any]:
    """A report with one file of 100 lines a package, of which so many are covered."""
    files = {}
    for package, lines in covered.items():
        missing = list(range(lines + 1, 101))
        files[f"src/autorisen/{package}/x.py"] = {
            "summary": {"num_statements": 100, "covered_lines": lines, "num_branches": 0, "covered_branches": 0},
            "missing_lines": missing,
            "missing_branches": [],
        }
    return {"files": files}


@pytest.mark.parametrize("package", WHOLE)
def test_one_missing_line_is_seen_where_all_must_be_covered(package: str) -> None:
    assert list(shortfalls(report(**{package: 100}))) == []
    first, second = shortfalls(report(**{package: 99}))
    assert first.startswith(f"{package}: 99.00 %")
    assert "lines 100" in second


def test_a_missing_branch_counts() -> None:
    data = report(billing=100)
    data["files"]["src/autorisen/billing/x.py"]["summary"]["num_branches"] = 4
    data["files"]["src/autorisen/billing/x.py"]["missing_branches"] = [[3, 5]]
    assert len(list(shortfalls(data))) == 2


def test_floors_hold_elsewhere() -> None:
    assert list(shortfalls(report(kit=FLOORS["kit"]))) == []
    assert len(list(shortfalls(report(kit=FLOORS["kit"] - 1)))) == 1


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "coverage.json"
    assert main([str(path)]) == 2
    path.write_text(json.dumps(report(ledger=100)))
    assert main([str(path)]) == 0
    path.write_text(json.dumps(report(ledger=50)))
    assert main([str(path)]) == 1
    assert "ledger: 50.00 %" in capsys.readouterr().out
