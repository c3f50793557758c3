"""What past months would have cost under a changed catalog file: nothing is applied, nothing is written.

Owns nothing: it reads closed periods, and rates their usage twice. This is the door.
"""

from autorisen.billing.what_if.model import BUCKETS, CUSTOMERS_MAX, MONTHS_MAX, Outcome, Tally, plans_of_file, tally
from autorisen.billing.what_if.rate_again import WhatIfBatch, stretch_of, what_if

__all__ = [
    "BUCKETS",
    "CUSTOMERS_MAX",
    "MONTHS_MAX",
    "Outcome",
    "Tally",
    "WhatIfBatch",
    "plans_of_file",
    "stretch_of",
    "tally",
    "what_if",
]
