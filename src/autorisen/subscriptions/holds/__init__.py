"""Quotas and the holds on them: room reserved for work before it begins, so that nobody overspends.

Owns, in the schema `subscriptions`: `quotas` (the row that is locked), `holds`, and `hold_draws` (append-only).
"""

from autorisen.subscriptions.holds.check_quota import quota
from autorisen.subscriptions.holds.draw_hold import draw_hold
from autorisen.subscriptions.holds.errors import (
    DrawConflict,
    HoldEnded,
    HoldExhausted,
    HoldKeyTaken,
    HoldNotFound,
    MeterUnknown,
    QuotaExceeded,
    UsageNotRecorded,
)
from autorisen.subscriptions.holds.expire_holds import EXPIRE_HOLDS, EXPIRE_HOLDS_JOB
from autorisen.subscriptions.holds.find_hold import find_hold
from autorisen.subscriptions.holds.hold_quota import hold_quota
from autorisen.subscriptions.holds.model import Draw, Hold, HoldStatus, Quota
from autorisen.subscriptions.holds.release_hold import release_hold
from autorisen.subscriptions.holds.settle_hold import settle_hold

__all__ = [
    "EXPIRE_HOLDS",
    "EXPIRE_HOLDS_JOB",
    "Draw",
    "DrawConflict",
    "Hold",
    "HoldEnded",
    "HoldExhausted",
    "HoldKeyTaken",
    "HoldNotFound",
    "HoldStatus",
    "MeterUnknown",
    "Quota",
    "QuotaExceeded",
    "UsageNotRecorded",
    "draw_hold",
    "find_hold",
    "hold_quota",
    "quota",
    "release_hold",
    "settle_hold",
]
