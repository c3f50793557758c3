"""Broken rules of add-ons."""

from __future__ import annotations

from autorisen.kit.problems import FieldError, InvalidInput, NotFound


class AddonNotSold(NotFound):
    """The plan has no such add-on in the subscription's currency and cycle."""

    code, title = "addon_not_sold", "The plan has no such add-on"


class AddonQuantityRefused(InvalidInput):
    """More than the plan sells, or less than none."""

    code, title = "addon_quantity_refused", "So many can't be had"

    def __init__(self, most: int) -> None:
        rule = f"must be from 0 to {most:,}"
        super().__init__(rule, errors=[FieldError("/quantity", rule)])
