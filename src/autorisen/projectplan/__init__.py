"""The project plan as data: read, checked, shown. Owns no tables; its record is docs/project-plan.csv.

Both CSV schemas that the plan has had are read, the current one is written. Legacy status spellings are mapped to the
canonical ones and reported.
"""

from autorisen.projectplan.load import load_plan, shipped_plan
from autorisen.projectplan.model import (
    Finding,
    InvalidPlan,
    Plan,
    PlanStatus,
    PlanTask,
    ProjectStatus,
    ShownTask,
    status_of,
)
from autorisen.projectplan.project_status import project_status
from autorisen.projectplan.sync import BlockMissing, MarkersBroken, drift, render_block, replace_block

__all__ = [
    "BlockMissing",
    "Finding",
    "InvalidPlan",
    "MarkersBroken",
    "Plan",
    "PlanStatus",
    "PlanTask",
    "ProjectStatus",
    "ShownTask",
    "drift",
    "load_plan",
    "project_status",
    "render_block",
    "replace_block",
    "shipped_plan",
    "status_of",
]
