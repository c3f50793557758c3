"""The time zones that this machine knows."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones  # noqa: TID251 -- read once a process, here


@cache
def time_zones() -> frozenset[str]:
    """All IANA names that `ZoneInfo` takes. Listed once: finding them opens every file of the zone database."""
    return frozenset(available_timezones())
