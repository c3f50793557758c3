"""Broken rules of quotas and holds."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, InvalidInput, NotFound, Problem


class QuotaExceeded(Problem):
    """The room of the period does not suffice, and the plan allows nothing beyond. Nothing was changed."""

    status, code, title = 429, "quota_exceeded", "The plan has no room for that in this period"


class HoldNotFound(NotFound):
    code, title = "hold_not_found", "There is no such hold"


class HoldKeyTaken(Conflict):
    """The key of a hold stands for one request; another request needs another key."""

    code, title = "hold_key_taken", "That key was used for another hold"


class DrawConflict(Conflict):
    """The sequence number of a draw stands for one quantity."""

    code, title = "draw_conflict", "That sequence number was used for another quantity"


class HoldExhausted(Conflict):
    """A draw never takes more than what is left of its hold."""

    code, title = "hold_exhausted", "The hold does not have that much left"


class HoldEnded(Conflict):
    """The hold was settled, released or has expired, which is final."""

    code, title = "hold_ended", "The hold has ended"


class MeterUnknown(InvalidInput):
    code, title = "meter_unknown", "There is no such meter"


class UsageNotRecorded(Conflict):
    """The identity of a hold's event was used for something else, so that settling would count nothing."""

    code, title = "hold_usage_not_recorded", "The use of the hold could not be recorded"
