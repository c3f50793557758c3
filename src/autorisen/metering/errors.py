"""The rules of metering that a request can break."""

from __future__ import annotations

from autorisen.kit.problems import Problem


class TooManyEvents(Problem):
    status, code, title = 413, "too_many_events", "The batch has too many events"


class UnknownMeter(Problem):
    status, code, title = 404, "unknown_meter", "There is no such meter"


class InvalidMeter(Problem):
    status, code, title = 422, "invalid_meter", "The meter definition breaks a rule"


class MeterInUse(Problem):
    """Billed quantities come from this meter: it may be renamed, but goes on counting what it counts."""

    status, code, title = 409, "meter_in_use", "The meter is priced or has counted usage"


class InvalidEvent(Problem):
    status, code, title = 422, "invalid_event", "The event breaks a rule"


class UsageTooLarge(Problem):
    status, code, title = 422, "usage_too_large", "The answer would have too many rows"


class InvalidBackfill(Problem):
    status, code, title = 422, "invalid_backfill", "The file can't be backfilled that way"


class BackfillBusy(Problem):
    """Another process runs it at this moment."""

    status, code, title = 409, "backfill_busy", "The backfill is running elsewhere"


class BackfillTaken(Problem):
    """The tag, or the file, belongs to a backfill that is not this one."""

    status, code, title = 409, "backfill_taken", "There is another backfill in the way"


class UnknownBackfill(Problem):
    status, code, title = 404, "unknown_backfill", "There is no such backfill"


class BackfillStopped(Problem):
    """The database gave up in the middle. What was stored stays; the same command goes on."""

    status, code, title = 503, "backfill_stopped", "The backfill stopped before its end"
