"""Metering's part of the reconciliation: control totals, receipts, events and rollups compared; reports kept."""

from autorisen.metering.reconciliation.compare_events import (
    compare_control_totals,
    compare_receipts,
    compare_rollups,
    compared_customers,
)
from autorisen.metering.reconciliation.model import (
    CheckName,
    Discrepancy,
    Findings,
    Kind,
    Reconciliation,
    Scope,
    default_scope,
)
from autorisen.metering.reconciliation.repair_rollups import repair_rollups
from autorisen.metering.reconciliation.reports import (
    keep_reconciliation,
    latest_reconciliation,
    list_reconciliations,
    reconciliation,
    reconciliation_document,
)
from autorisen.metering.reconciliation.store import snapshot
from autorisen.metering.reconciliation.usage_as_of import UsageAsOf, events_of_meter, usages_as_of

__all__ = [
    "CheckName",
    "Discrepancy",
    "Findings",
    "Kind",
    "Reconciliation",
    "Scope",
    "UsageAsOf",
    "compare_control_totals",
    "compare_receipts",
    "compare_rollups",
    "compared_customers",
    "default_scope",
    "events_of_meter",
    "keep_reconciliation",
    "latest_reconciliation",
    "list_reconciliations",
    "reconciliation",
    "reconciliation_document",
    "repair_rollups",
    "snapshot",
    "usages_as_of",
]
