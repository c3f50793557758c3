"""Both schemas are read; every fault is named with its line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from autorisen.projectplan import InvalidPlan, PlanStatus, load_plan, shipped_plan

CURRENT = "id,task,owner,status,priority,completion_date,notes,artifacts,verification_commands\n"
LEGACY = (
    "id,phase,task,owner,status,priority,dependencies,estimated_hours,completion_date,artifacts,verification,notes,"
    "codex_hints\n"
)


def test_the_current_schema_is_read() -> None:
    text = (
        CURRENT + 'PAY-001,"Pay, at last",backend,done,P0,2026-02-03,since 2026-01-02,a.py; b.py,make test; make run\n'
    )
    plan = load_plan(text)
    (task,) = plan.tasks
    assert plan.schema == "current"
    assert (task.id, task.task, task.owner, task.status, task.priority) == (
        "PAY-001",
        "Pay, at last",
        "backend",
        PlanStatus.DONE,
        "P0",
    )
    assert task.completion_date == date(2026, 2, 3)
    assert task.since == date(2026, 1, 2)
    assert task.artifacts == ("a.py", "b.py")
    assert task.verification_commands == ("make test", "make run")
    assert plan.warnings == ()


def test_the_legacy_schema_is_read() -> None:
    row = (
        'PAY-002,payments,Tiers,backend,todo,P1,"PAY-001,FOUND-006",12.5,,a.py|b/,pytest -q|make run,note,look there\n'
    )
    plan = load_plan(LEGACY + "# phase two\n\n" + row)
    (task,) = plan.tasks
    assert plan.schema == "legacy"
    assert task.status is PlanStatus.PLANNED
    assert task.dependencies == ("PAY-001", "FOUND-006")
    assert task.estimated_hours == Decimal("12.5")
    assert task.artifacts == ("a.py", "b/")
    assert task.verification_commands == ("pytest -q", "make run")
    assert (task.phase, task.codex_hints) == ("payments", "look there")
    assert [(warning.line, warning.field) for warning in plan.warnings] == [(4, "status")]


@pytest.mark.parametrize(
    "written, read",
    [
        ("planned", "planned"),
        ("Planned", "planned"),
        ("todo", "planned"),
        ("in-progress", "in_progress"),
        ("in progress", "in_progress"),
        ("In Review", "in_progress"),
        ("recurring", "in_progress"),
        ("completed", "done"),
        ("blocked", "blocked"),
        ("deferred", "deferred"),
    ],
)
def test_spellings_of_a_status_are_mapped_and_reported(written: str, read: str) -> None:
    plan = load_plan(CURRENT + f"A-1,x,docs,{written},P0,,,,\n")
    assert plan.tasks[0].status == read
    mapped = [warning for warning in plan.warnings if warning.field == "status"]
    assert len(mapped) == (0 if written == read else 1)


@pytest.mark.parametrize(
    "row, field",
    [
        ("A-1,x,docs,started,P0,,,,", "status"),
        ("A-1,x,docs,done,P4,2026-01-01,,,", "priority"),
        ("A-1,x,docs,done,P0,2026-02-30,,,", "completion_date"),
        ("A-1,x,docs,done,P0,20260203,,,", "completion_date"),
        ("A-1,,docs,planned,P0,,,,", "task"),
        ("a 1,x,docs,planned,P0,,,,", "id"),
        (",x,docs,planned,P0,,,,", "id"),
        ("A-1,x,docs,planned,P0,,,", "row"),
        ("B-1,x,docs,planned,P0,,,,", "id"),
    ],
)
def test_a_faulty_row_is_refused_with_its_line(row: str, field: str) -> None:
    good = "B-1,y,docs,planned,P1,,,,\n"
    with pytest.raises(InvalidPlan) as caught:
        load_plan(CURRENT + good + "\n" + row + "\n")
    assert [(finding.line, finding.field) for finding in caught.value.findings] == [(4, field)]


def test_all_faults_are_found_at_once() -> None:
    with pytest.raises(InvalidPlan) as caught:
        load_plan(CURRENT + "A-1,x,docs,started,P9,soon,,,\nA-2,x,docs,no,P0,,,,\n")
    assert [(finding.line, finding.field) for finding in caught.value.findings] == [
        (2, "priority"),
        (2, "status"),
        (2, "completion_date"),
        (3, "status"),
    ]
    assert "line 3 A-2: status: is 'no'" in str(caught.value)


def test_a_row_of_several_lines_is_counted_by_its_first() -> None:
    with pytest.raises(InvalidPlan) as caught:
        load_plan(CURRENT + 'A-1,"x\ny",docs,planned,P0,,,,\nA-2,"x\ny",docs,no,P0,,,,\n')
    assert caught.value.findings[0].line == 4


@pytest.mark.parametrize("text", ["", "id,task\n", "# only words\n", "A-1,x,docs,planned,P0,,,,\n"])
def test_a_file_without_a_known_header_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlan) as caught:
        load_plan(text)
    assert caught.value.findings[0].field == "header"


def test_doubtful_dates_are_warnings() -> None:
    plan = load_plan(CURRENT + "A-1,x,docs,done,P0,,,,\nA-2,x,docs,planned,P0,2026-01-01,,,\n")
    assert [(warning.line, warning.field) for warning in plan.warnings] == [
        (2, "completion_date"),
        (3, "completion_date"),
    ]


@pytest.mark.parametrize("hours", ["many", "-1", "NaN", "Infinity"])
def test_hours_are_a_number(hours: str) -> None:
    with pytest.raises(InvalidPlan) as caught:
        load_plan(LEGACY + f"A-1,p,x,docs,todo,P0,,{hours},,,,,\n")
    assert caught.value.findings[0].field == "estimated_hours"


def test_a_date_in_the_notes_that_is_none_is_no_date() -> None:
    assert load_plan(CURRENT + "A-1,x,docs,planned,P0,,since 2026-02-30,,\n").tasks[0].since is None


def test_our_own_plan_is_clean() -> None:
    plan = shipped_plan()
    assert plan.schema == "current"
    assert plan.warnings == ()
    assert all(task.since for task in plan.tasks)
