"""Running an installation: health, metrics, the release, the sandbox clock, the shipped catalog, the demo, and what
a change of many events would do to the invoices; the reconciliation, from the producer's count to the invoice line.

Owns no schema and no facts; reads the other capabilities through their doors.
"""

from autorisen.ops.advance_clock import Advance, ClockGoesForwardOnly, advance_clock
from autorisen.ops.apply_catalog_text import CatalogChanges, apply_catalog_text, plan_catalog
from autorisen.ops.health import Component, State, components, overall
from autorisen.ops.reconcile import NIGHTLY, RECONCILE_KIND, recent_scope, reconcile, reconcile_nightly
from autorisen.ops.rehearse import Adjustment, CustomerDifference, Difference, Standing, rehearse
from autorisen.ops.release import Release, release

__all__ = [
    "NIGHTLY",
    "RECONCILE_KIND",
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
    "recent_scope",
    "reconcile",
    "reconcile_nightly",
    "rehearse",
    "release",
]
