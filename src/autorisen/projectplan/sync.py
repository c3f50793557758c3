"""The PLAN block of a Markdown document: written from the plan, compared with it. Pure."""

from __future__ import annotations

import re

from autorisen.projectplan.model import Plan, PlanTask

BEGIN = "<!-- PLAN:BEGIN -->"
END = "<!-- PLAN:END -->"
COLUMNS = ("id", "task", "owner", "status", "priority", "completion_date")

_CELLS = re.compile(r"(?<!\\)\|")


class MarkersBroken(ValueError):
    """The document has not exactly one PLAN:BEGIN followed by one PLAN:END."""


class BlockMissing(MarkersBroken):
    """The document has no PLAN markers at all."""


def render_block(plan: Plan) -> str:
    """The block with its markers, one row a task in the order of the plan."""
    header = "| " + " | ".join(name.capitalize() for name in COLUMNS) + " |"
    rule = "| " + " | ".join("---" for _ in COLUMNS) + " |"
    rows = ["| " + " | ".join(_cells(task)) + " |" for task in plan.tasks]
    return "\n".join([BEGIN, "", header, rule, *rows, "", END])


def replace_block(document: str, block: str) -> str:
    """The document with its one block replaced. Raises `BlockMissing` or `MarkersBroken`."""
    start, end = _place(document)
    return document[:start] + block + document[end:]


def drift(document: str, plan: Plan) -> list[str]:
    """How the block differs from the plan, cell by cell; empty when it does not. Raises as `replace_block` does."""
    start, end = _place(document)
    if document[start:end] == render_block(plan):
        return []
    written = _written(document[start:end])
    wanted = {task.id: _cells(task) for task in plan.tasks}
    lines = [f"+ {id} is in the plan only" for id in wanted if id not in written]
    lines += [f"- {id} is in the document only" for id in written if id not in wanted]
    for id, cells in wanted.items():
        pairs = zip(COLUMNS, written.get(id, cells), cells, strict=False)
        lines += [f"~ {id} {name}: {old!r} should be {new!r}" for name, old, new in pairs if old != new]
    return lines or ["~ the rows agree; their order or the layout does not"]


def _cells(task: PlanTask) -> list[str]:
    completed = task.completion_date.isoformat() if task.completion_date else ""
    cells = (task.id, task.task, task.owner, str(task.status), task.priority, completed)
    return [re.sub(r"\s*[\r\n]+\s*", " ", cell.replace("\\", "\\\\").replace("|", "\\|")) for cell in cells]


def _written(block: str) -> dict[str, list[str]]:
    rows = [_CELLS.split(line)[1:-1] for line in block.splitlines() if line.startswith("|")]
    return {row[0].strip(): [cell.strip() for cell in row] for row in rows[2:] if row}


def _place(document: str) -> tuple[int, int]:
    begins, ends = document.count(BEGIN), document.count(END)
    if begins == ends == 0:
        raise BlockMissing(f"no {BEGIN} ... {END} in the document")
    start, end = document.find(BEGIN), document.find(END)
    if begins != 1 or ends != 1 or end < start:
        raise MarkersBroken(f"need one {BEGIN} and one {END} after it; found {begins} and {ends}")
    return start, end + len(END)
