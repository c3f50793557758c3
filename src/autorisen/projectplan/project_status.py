"""What the dashboard says about the project."""

from __future__ import annotations

from autorisen.projectplan.load import shipped_plan
from autorisen.projectplan.model import ProjectStatus, status_of


def project_status() -> ProjectStatus:
    """Where the project of this release stands, from the shipped plan."""
    return status_of(shipped_plan())
