"""The limits of a plan in words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from autorisen.catalog.model import PlanVersion
from autorisen.ui.formats import number

LIMIT_NAMES: Mapping[str, str] = {
    "agents": "Agents",
    "executions": "Executions a month",
    "projects": "Projects",
    "storage_mb": "Storage",
    "support_hours": "Reply from support within",
}
_MB_OF_GB = 1024


def limit_words(plan: PlanVersion, limit: str) -> str:
    """ "50", "5 GB", "24 hours", or "Unlimited"; nothing of what the plan does not name."""
    value = plan.limits.get(limit, 0)
    if value is None:
        return "Unlimited"
    if limit == "storage_mb":
        return storage_words(value)
    return f"{number(value)} hours" if limit == "support_hours" else number(value)


def storage_words(megabytes: int) -> str:
    if megabytes % _MB_OF_GB == 0:
        return f"{number(megabytes // _MB_OF_GB)} GB"
    return f"{number(megabytes)} MB"
