"""The end of periods: many are read with a fixed number of statements, decided one by one, and written together.

Part of billing; owns its table `failed_closings`.
"""

from autorisen.billing.closing.close_periods import CLOSINGS, Closed, close_due, close_period, closes_at, next_closing
from autorisen.billing.closing.decide_closing import decide_closing
from autorisen.billing.closing.load_closings import load_closings
from autorisen.billing.closing.progress import ClosingProgress, FailedPeriod, count_due, read_progress
from autorisen.billing.closing.retry_closings import retry_closings
from autorisen.billing.closing.store import ClosedSum
from autorisen.billing.closing.views import progress_view

__all__ = [
    "CLOSINGS",
    "Closed",
    "ClosedSum",
    "ClosingProgress",
    "FailedPeriod",
    "close_due",
    "close_period",
    "closes_at",
    "count_due",
    "decide_closing",
    "load_closings",
    "next_closing",
    "progress_view",
    "read_progress",
    "retry_closings",
]
