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


class InvalidImport(Problem):
    status, code, title = 422, "invalid_import", "The file can't be imported that way"
