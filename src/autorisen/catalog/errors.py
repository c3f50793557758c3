"""Broken rules of the catalog."""

from __future__ import annotations

from autorisen.kit.problems import FieldError, InvalidInput, NotFound, Problem


class CatalogInvalid(InvalidInput):
    """The catalog file breaks a rule; `errors` names every path."""

    code, title = "catalog_invalid", "The catalog file breaks a rule"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.rule}" for error in errors), errors=errors)


class EffectiveDatePassed(Problem):
    """New terms may not start before the terms they follow, or in the past."""

    status, code, title = 409, "effective_date_passed", "The effective date has passed"


class NoDefaultPlan(Problem):
    """There is no plan to start a new customer on: the catalog has not been applied."""

    status, code, title = 503, "no_default_plan", "No catalog has been applied yet"


class PlanNotFound(NotFound):
    """No plan of that key is sold at that time."""

    code, title = "plan_not_found", "There is no such plan"
