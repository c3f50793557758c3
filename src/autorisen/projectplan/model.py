"""Tasks, their states and what is wrong with a plan. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

SHOWN_MAX = 25
NOT_SET = "Not set"

_SINCE = re.compile(r"\bsince (\d{4}-\d{2}-\d{2})\b")


class PlanStatus(StrEnum):
    """The canonical states of a task."""

    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"
    DEFERRED = "deferred"


# Spellings of earlier plans, compared without regard to case, spaces, hyphens and underscores.
_SPELLINGS = {
    "planned": PlanStatus.PLANNED,
    "todo": PlanStatus.PLANNED,
    "backlog": PlanStatus.PLANNED,
    "inprogress": PlanStatus.IN_PROGRESS,
    "inreview": PlanStatus.IN_PROGRESS,
    "review": PlanStatus.IN_PROGRESS,
    "doing": PlanStatus.IN_PROGRESS,
    "recurring": PlanStatus.IN_PROGRESS,
    "blocked": PlanStatus.BLOCKED,
    "done": PlanStatus.DONE,
    "completed": PlanStatus.DONE,
    "complete": PlanStatus.DONE,
    "deferred": PlanStatus.DEFERRED,
    "cancelled": PlanStatus.DEFERRED,
}


def read_status(text: str) -> PlanStatus | None:
    """The canonical status of any known spelling, or None."""
    return _SPELLINGS.get(re.sub(r"[\s_-]", "", text).lower())


@dataclass(frozen=True)
class Finding:
    """One thing wrong with the plan: an error keeps it from being read, a warning does not."""

    level: Literal["error", "warning"]
    line: int
    task_id: str
    field: str
    rule: str

    def __str__(self) -> str:
        row = f" {self.task_id}" if self.task_id else ""
        return f"line {self.line}{row}: {self.field}: {self.rule}"


class InvalidPlan(ValueError):
    """The file is not a plan; `findings` says where and why."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


@dataclass(frozen=True)
class PlanTask:
    """One row. The fields after `verification_commands` come from the legacy schema only."""

    id: str
    task: str
    owner: str
    status: PlanStatus
    priority: str
    completion_date: date | None
    notes: str
    artifacts: tuple[str, ...]
    verification_commands: tuple[str, ...]
    phase: str = ""
    dependencies: tuple[str, ...] = ()
    estimated_hours: Decimal | None = None
    codex_hints: str = ""

    @property
    def since(self) -> date | None:
        """When the task entered the plan: "since 2026-01-31" in its notes."""
        match = _SINCE.search(self.notes)
        try:
            return date.fromisoformat(match[1]) if match else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Plan:
    """A plan that could be read, with what is questionable about it."""

    schema: Literal["current", "legacy"]
    tasks: tuple[PlanTask, ...]
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class ShownTask:
    """A task as the dashboard shows it."""

    id: str
    title: str
    status: PlanStatus
    created_at: date | None


@dataclass(frozen=True)
class ProjectStatus:
    """Where the project stands. `value` is never empty: "Not set" when there is no task."""

    value: str
    total: int
    projects: tuple[ShownTask, ...]


_SHOWN_FIRST = (
    PlanStatus.BLOCKED,
    PlanStatus.IN_PROGRESS,
    PlanStatus.PLANNED,
    PlanStatus.DONE,
    PlanStatus.DEFERRED,
)


def status_of(plan: Plan) -> ProjectStatus:
    """The plan in one word, and its most telling tasks: what is stuck or under way first, then by priority."""
    ordered = sorted(plan.tasks, key=lambda task: (_SHOWN_FIRST.index(task.status), task.priority))
    shown = tuple(ShownTask(task.id, task.task, task.status, task.since) for task in ordered[:SHOWN_MAX])
    return ProjectStatus(_overall({task.status for task in plan.tasks}), len(plan.tasks), shown)


def _overall(states: set[PlanStatus]) -> str:
    active = states - {PlanStatus.DEFERRED}
    if not active:
        return PlanStatus.DEFERRED if states else NOT_SET
    if active == {PlanStatus.DONE}:
        return PlanStatus.DONE
    if active == {PlanStatus.PLANNED}:
        return PlanStatus.PLANNED
    if active <= {PlanStatus.BLOCKED, PlanStatus.PLANNED}:
        return PlanStatus.BLOCKED
    return PlanStatus.IN_PROGRESS
