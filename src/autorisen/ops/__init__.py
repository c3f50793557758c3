"""Running an installation: health, metrics, the release, the sandbox clock, the shipped catalog, the demo.

Owns no schema and no facts; reads the other capabilities through their doors.
"""

from autorisen.ops.advance_clock import Advance, ClockGoesForwardOnly, advance_clock
from autorisen.ops.apply_catalog_text import CatalogChanges, apply_catalog_text, plan_catalog
from autorisen.ops.health import Component, State, components, overall
from autorisen.ops.release import Release, release

__all__ = [
    "Advance",
    "CatalogChanges",
    "ClockGoesForwardOnly",
    "Component",
    "Release",
    "State",
    "advance_clock",
    "apply_catalog_text",
    "components",
    "overall",
    "plan_catalog",
    "release",
]
