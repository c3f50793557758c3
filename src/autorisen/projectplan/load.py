"""Read a plan from CSV, in either schema; every fault is found at once, with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Literal

from autorisen.projectplan.model import Finding, InvalidPlan, Plan, PlanStatus, PlanTask, read_status

CURRENT_HEADER = "id,task,owner,status,priority,completion_date,notes,artifacts,verification_commands"
LEGACY_HEADER = (
    "id,phase,task,owner,status,priority,dependencies,estimated_hours,completion_date,artifacts,verification,notes,"
    "codex_hints"
)

_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-\d+")
_PRIORITY = re.compile(r"P[0-3]")


@dataclass
class _Findings:
    found: list[Finding] = field(default_factory=list)

    def error(self, line: int, task_id: str, name: str, rule: str) -> None:
        self.found.append(Finding("error", line, task_id, name, rule))

    def warning(self, line: int, task_id: str, name: str, rule: str) -> None:
        self.found.append(Finding("warning", line, task_id, name, rule))


def load_plan(text: str) -> Plan:
    """The plan in `text`. Raises `InvalidPlan` with every error; what can be mapped or doubted becomes a warning."""
    rows = _rows(text)
    findings = _Findings()
    line, header = next(rows, (1, []))
    names = [name.strip() for name in header]
    if names not in (CURRENT_HEADER.split(","), LEGACY_HEADER.split(",")):
        raise InvalidPlan((Finding("error", line, "", "header", f"use {CURRENT_HEADER}"),))
    schema: Literal["current", "legacy"] = "legacy" if "codex_hints" in names else "current"
    tasks: list[PlanTask] = []
    for line, cells in rows:
        if len(cells) != len(names):
            findings.error(line, cells[0], "row", f"has {len(cells)} cells; the header has {len(names)}")
            continue
        values = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
        task = _task(line, values, findings)
        if task is not None and any(task.id == other.id for other in tasks):
            findings.error(line, task.id, "id", "is used twice")
        elif task is not None:
            tasks.append(task)
    errors = tuple(finding for finding in findings.found if finding.level == "error")
    if errors:
        raise InvalidPlan(errors)
    return Plan(schema, tuple(tasks), tuple(findings.found))


def plan_path() -> Path:
    """docs/project-plan.csv of a checkout, or the copy that the wheel carries."""
    packaged = Path(__file__).with_name("project-plan.csv")
    return packaged if packaged.exists() else Path(__file__).parents[3] / "docs" / "project-plan.csv"


@cache
def shipped_plan() -> Plan:
    """The plan of this release. Read once: it changes only with the release."""
    return load_plan(plan_path().read_text(encoding="utf-8"))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line they begin on; blank lines and comments (#) are skipped."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    last = 0
    for cells in reader:
        line, last = last + 1, reader.line_num
        if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
            yield line, cells


def _task(line: int, values: Mapping[str, str], findings: _Findings) -> PlanTask | None:
    id = values["id"]
    before = len(findings.found)
    if not _ID.fullmatch(id):
        findings.error(line, id, "id", "use capitals and digits in groups, the last one a number, as in PAY-001")
    if not values["task"]:
        findings.error(line, id, "task", "must not be empty")
    if not _PRIORITY.fullmatch(values["priority"]):
        findings.error(line, id, "priority", f"is {values['priority']!r}; use P0 to P3")
    status = _status(line, values, findings)
    completed = _completion_date(line, values, status, findings)
    hours = _hours(line, values, findings)
    separator = "|" if "verification" in values else ";"
    if status is None or any(finding.level == "error" for finding in findings.found[before:]):
        return None
    return PlanTask(
        id=id,
        task=values["task"],
        owner=values["owner"],
        status=status,
        priority=values["priority"],
        completion_date=completed,
        notes=values["notes"],
        artifacts=_listed(values["artifacts"], separator),
        verification_commands=_listed(values.get("verification_commands", values.get("verification", "")), separator),
        phase=values.get("phase", ""),
        dependencies=tuple(each for each in re.split(r"[,\s]+", values.get("dependencies", "")) if each),
        estimated_hours=hours,
        codex_hints=values.get("codex_hints", ""),
    )


def _status(line: int, values: Mapping[str, str], findings: _Findings) -> PlanStatus | None:
    written = values["status"]
    status = read_status(written)
    allowed = ", ".join(PlanStatus)
    if status is None:
        findings.error(line, values["id"], "status", f"is {written!r}; use one of {allowed}")
    elif written != status:
        findings.warning(line, values["id"], "status", f"{written!r} is read as {status}; write that")
    return status


def _completion_date(
    line: int, values: Mapping[str, str], status: PlanStatus | None, findings: _Findings
) -> date | None:
    written, id = values["completion_date"], values["id"]
    try:
        completed = date.fromisoformat(written) if written else None
        if completed is not None and completed.isoformat() != written:
            raise ValueError(written)
    except ValueError:
        findings.error(line, id, "completion_date", f"{written!r} is no date; use YYYY-MM-DD")
        return None
    if completed is None and status is PlanStatus.DONE:
        findings.warning(line, id, "completion_date", "is missing although the task is done")
    elif completed is not None and status is not PlanStatus.DONE:
        findings.warning(line, id, "completion_date", "is given although the task is not done")
    return completed


def _hours(line: int, values: Mapping[str, str], findings: _Findings) -> Decimal | None:
    written = values.get("estimated_hours", "")
    if not written:
        return None
    try:
        hours = Decimal(written)
    except InvalidOperation:
        hours = Decimal(-1)
    if not hours.is_finite() or hours < 0:
        findings.error(line, values["id"], "estimated_hours", f"is {written!r}; use a number that is not negative")
        return None
    return hours


def _listed(cell: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(separator) if part.strip())
