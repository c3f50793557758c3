"""The PLAN block: rendered, replaced, compared; and the script around it with its exit codes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.projectplan import BlockMissing, MarkersBroken, drift, load_plan, render_block, replace_block
from scripts.plan_sync import DOCS, main
from tests.projectplan.test_load import CURRENT

PLAN = CURRENT + "A-1,Pay | now,docs,done,P0,2026-01-02,,,\nA-2,Rest,ops,planned,P1,,,,\n"
BLOCK = """<!-- PLAN:BEGIN -->

| Id | Task | Owner | Status | Priority | Completion_date |
| --- | --- | --- | --- | --- | --- |
| A-1 | Pay \\| now | docs | done | P0 | 2026-01-02 |
| A-2 | Rest | ops | planned | P1 |  |

<!-- PLAN:END -->"""


def test_the_block_has_its_six_columns() -> None:
    assert render_block(load_plan(PLAN)) == BLOCK


def test_only_the_block_is_replaced() -> None:
    document = "before\n<!-- PLAN:BEGIN -->\nold\n<!-- PLAN:END -->\nafter\n"
    assert replace_block(document, BLOCK) == f"before\n{BLOCK}\nafter\n"


@pytest.mark.parametrize(
    "document",
    [
        "<!-- PLAN:BEGIN -->",
        "<!-- PLAN:END --> <!-- PLAN:BEGIN -->",
        "<!-- PLAN:BEGIN --><!-- PLAN:END --><!-- PLAN:BEGIN --><!-- PLAN:END -->",
        "<!-- PLAN:BEGIN --><!-- PLAN:BEGIN --><!-- PLAN:END -->",
    ],
)
def test_broken_markers_are_refused(document: str) -> None:
    with pytest.raises(MarkersBroken):
        replace_block(document, BLOCK)


def test_a_missing_block_is_told_apart() -> None:
    with pytest.raises(BlockMissing):
        drift("nothing here", load_plan(PLAN))


def test_drift_names_the_cell() -> None:
    plan = load_plan(PLAN)
    assert drift(BLOCK, plan) == []
    assert drift(BLOCK.replace("planned", "done"), plan) == ["~ A-2 status: 'done' should be 'planned'"]
    without = "\n".join(line for line in BLOCK.splitlines() if "A-1" not in line)
    assert drift(without, plan) == ["+ A-1 is in the plan only"]
    assert drift(BLOCK.replace("A-2", "A-3"), plan) == ["+ A-2 is in the plan only", "- A-3 is in the document only"]
    assert len(drift(BLOCK.replace("BEGIN -->\n", "BEGIN -->\n\n"), plan)) == 1


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1), max_size=5))
def test_any_text_survives_the_table(texts: list[str]) -> None:
    written = io.StringIO()
    for number, text in enumerate(texts):
        csv.writer(written).writerow([f"A-{number}", "x" + text, "docs", "planned", "P0", "", "", "", ""])
    plan = load_plan(CURRENT + written.getvalue())
    block = render_block(plan)
    assert drift(block, plan) == []
    assert len(block.split("\n")) == len(plan.tasks) + 6


def run(tmp_path: Path, *arguments: str) -> int:
    return main([*arguments, "--csv", str(tmp_path / "plan.csv"), "--md", str(tmp_path / "plan.md")])


def test_apply_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.csv").write_text(PLAN)
    assert run(tmp_path, "--check-only") == 1
    assert run(tmp_path, "--apply") == 0
    assert run(tmp_path, "--check-only") == 0
    assert BLOCK in (tmp_path / "plan.md").read_text()
    assert (
        list(tmp_path.iterdir()) == [tmp_path / "plan.csv", tmp_path / "plan.md"] or len(list(tmp_path.iterdir())) == 2
    )
    (tmp_path / "plan.csv").write_text(PLAN.replace("planned", "blocked"))
    capsys.readouterr()
    assert run(tmp_path, "--check-only", "--apply") == 1
    assert capsys.readouterr().out == "~ A-2 status: 'planned' should be 'blocked'\n"


def test_what_cannot_be_read_ends_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--check-only") == 2, "no plan file"
    (tmp_path / "plan.csv").write_text(PLAN.replace("planned", "started"))
    assert run(tmp_path, "--apply") == 2
    assert "line 3 A-2: status" in capsys.readouterr().err
    (tmp_path / "plan.csv").write_text(PLAN)
    (tmp_path / "plan.md").write_text("<!-- PLAN:BEGIN -->")
    assert run(tmp_path, "--apply") == 2
    assert run(tmp_path) == 2, "neither --apply nor --check-only"


def test_a_document_without_markers_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(PLAN)
    (tmp_path / "plan.md").write_text("words\n")
    assert run(tmp_path, "--check-only") == 1
    assert run(tmp_path, "--apply") == 2
    assert (tmp_path / "plan.md").read_text() == "words\n"


def test_our_document_agrees_with_our_plan() -> None:
    plan = load_plan((DOCS / "project-plan.csv").read_text(encoding="utf-8"))
    assert drift((DOCS / "Master_ProjectPlan.md").read_text(encoding="utf-8"), plan) == []
