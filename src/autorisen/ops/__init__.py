"""Running an installation: health, metrics, the release, the sandbox clock, the shipped catalog, the demo, and what
a change of many events would do to the invoices.

Owns no schema and no facts; reads the other capabilities through their doors.
"""

from autorisen.ops.advance_clock import Advance, ClockGoesForwardOnly, advance_clock
from autorisen.ops.apply_catalog_text import CatalogChanges, apply_catalog_text, plan_catalog
from autorisen.ops.health import Component, State, components, overall
from autorisen.ops.rehearse import Adjustment, CustomerDifference, Difference, Standing, rehearse
from autorisen.ops.release import Release, release

__all__ = [
    "Adjustment",
    "Advance",
    "CatalogChanges",
    "ClockGoesForwardOnly",
    "Component",
    "CustomerDifference",
    "Difference",
    "Release",
    "Standing",
    "State",
    "advance_clock",
    "apply_catalog_text",
    "components",
    "overall",
    "plan_catalog",
    "rehearse",
    "release",
]
