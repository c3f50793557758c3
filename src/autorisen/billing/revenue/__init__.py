"""Revenue for the operator: recurring revenue and its movements, cohorts, usage by meter, what is owed.

Owns three tables of the schema `billing`, which keep what of the past can't change any more, so that a page need not
count it again: `revenue_counts` (up to when), `mrr_changes` and `revenue_sums`, all append-only. Records no facts.

This is the door, which others enter as `billing.revenue`.
"""

from autorisen.billing.revenue.count_revenue import COUNT_JOB, COUNT_SCHEDULE, count_revenue
from autorisen.billing.revenue.errors import RevenueBeingCounted
from autorisen.billing.revenue.list_changes import MrrChange, list_changes
from autorisen.billing.revenue.look import look, look_whole
from autorisen.billing.revenue.model import Kind
from autorisen.billing.revenue.places import place_of, read_month, read_place
from autorisen.billing.revenue.read_revenue import read_revenue
from autorisen.billing.revenue.report import CurrencyRevenue, MrrMonth, RevenueReport, longest
from autorisen.billing.revenue.tables import TABLES, revenue_table

__all__ = [
    "COUNT_JOB",
    "COUNT_SCHEDULE",
    "TABLES",
    "CurrencyRevenue",
    "Kind",
    "MrrChange",
    "MrrMonth",
    "RevenueBeingCounted",
    "RevenueReport",
    "count_revenue",
    "list_changes",
    "longest",
    "look",
    "look_whole",
    "place_of",
    "read_month",
    "read_place",
    "read_revenue",
    "revenue_table",
]
