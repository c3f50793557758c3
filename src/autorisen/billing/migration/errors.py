"""Broken rules of moving subscribers."""

from __future__ import annotations

from autorisen.kit.problems import FieldError, InvalidInput


class VersionUnknown(InvalidInput):
    """The plan has no such version, or not one that is sold."""

    code, title = "version_unknown", "There is no such version of the plan"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(rule, errors=[FieldError(f"/{field}", rule)])
