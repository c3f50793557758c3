"""Billing's part of the reconciliation: closed periods, their ratings and the lines that bill them, compared."""

from autorisen.billing.reconciliation.compare_closings import compare_closings, count_closings

__all__ = ["compare_closings", "count_closings"]
