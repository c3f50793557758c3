"""The end of periods: many are read with a fixed number of statements, decided one by one, and written together.

Part of billing; owns its table `failed_closings`.
"""

from autorisen.billing.closing.close_periods import CLOSINGS, Closed, close_due, close_period, closes_at, next_closing
from autorisen.billing.closing.decide_closing import decide_closing
from autorisen.billing.closing.load_closings import load_closings

__all__ = [
    "CLOSINGS",
    "Closed",
    "close_due",
    "close_period",
    "closes_at",
    "decide_closing",
    "load_closings",
    "next_closing",
]
