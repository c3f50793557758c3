"""The machine interface of the project plan."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from autorisen.accounts import Principal, signed_in
from autorisen.projectplan.model import PlanStatus
from autorisen.projectplan.project_status import project_status

router = APIRouter(prefix="/api/projects", tags=["project plan"])


class ProjectView(BaseModel):
    """One task of the plan. `created_at` is the day it entered the plan."""

    id: str
    title: str
    status: PlanStatus
    created_at: date | None


class ProjectStatusView(BaseModel):
    """Where the project stands. `value` is never null; "Not set" when the plan is empty."""

    value: str = Field(min_length=1)
    total: int = Field(ge=0)
    projects: list[ProjectView] = Field(max_length=25)


@router.get("/status", summary="Where the project stands", operation_id="project_status")
async def read_project_status(_: Annotated[Principal, Depends(signed_in)]) -> ProjectStatusView:
    """The state of the whole plan and its 25 most telling tasks, for a signed-in person."""
    status = project_status()
    return ProjectStatusView(
        value=status.value,
        total=status.total,
        projects=[
            ProjectView(id=task.id, title=task.title, status=task.status, created_at=task.created_at)
            for task in status.projects
        ],
    )
