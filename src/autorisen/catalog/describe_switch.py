"""What a change of plan or cycle leads from and to, in words for people. Pure."""

from __future__ import annotations

from autorisen.catalog.model import PlanVersion


def switch_words(before: PlanVersion, after: PlanVersion, from_interval: str = "", to_interval: str = "") -> str:
    """ "from Free by the month to Pro by the year"; the versions where only they differ.

    An interval is empty where it was not written down.
    """
    if before.id == after.id and from_interval == to_interval:
        return f"another cycle of {after.name}"
    if before.plan_key == after.plan_key and from_interval == to_interval:
        return f"{after.name}, from version {before.version} to version {after.version}"
    return f"from {plan_words(before, from_interval)} to {plan_words(after, to_interval)}"


def plan_words(plan: PlanVersion, interval: str) -> str:
    """ "Pro by the month"."""
    return f"{plan.name} by the {interval}" if interval else plan.name
