"""What `bench/usage.py` asks: a month of one customer, in the ways in which pages, invoices and integrators ask."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from autorisen.metering.usage_query import UsageQuestion

MONTH = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
RAGGED = datetime(2026, 3, 1, 9, 37, 12, 345678, UTC), datetime(2026, 4, 1, 9, 21, 0, 500000, UTC)
_JOHANNESBURG, _KATHMANDU = "Africa/Johannesburg", "Asia/Kathmandu"


def _month_of(zone: str) -> tuple[datetime, datetime]:
    return datetime(2026, 3, 1, tzinfo=ZoneInfo(zone)), datetime(2026, 4, 1, tzinfo=ZoneInfo(zone))


# The last two read thousands of raw events, for an hour is not enough to answer them: shown, not held to the target.
QUESTIONS = {
    "all meters": UsageQuestion(*MONTH),
    "all meters, edges off the hour": UsageQuestion(*RAGGED),
    "all meters by day, Johannesburg": UsageQuestion(*_month_of(_JOHANNESBURG), "day", time_zone=_JOHANNESBURG),
    "tokens by model": UsageQuestion(*MONTH, meter="input", group_by=("model",)),
    "tokens by model and day": UsageQuestion(*MONTH, "day", meter="input", group_by=("model",)),
    "tokens of one model, edges off the hour": UsageQuestion(*RAGGED, meter="input", only=(("model", "large"),)),
    "tokens by hour": UsageQuestion(*MONTH, "hour", meter="input"),
    "unique people": UsageQuestion(*MONTH, meter="people"),
    "unique people, edges off the hour": UsageQuestion(*RAGGED, meter="people"),
    "unique people by day": UsageQuestion(*MONTH, "day", meter="people"),
    "average seats, edges off the hour": UsageQuestion(*RAGGED, meter="seats"),
    "average seats by day": UsageQuestion(*MONTH, "day", meter="seats"),
    "tokens by day, Kathmandu (+05:45)": UsageQuestion(
        *_month_of(_KATHMANDU), "day", meter="input", time_zone=_KATHMANDU
    ),
    "tokens by minute, one day": UsageQuestion(
        datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC), "minute", meter="input"
    ),
}
UNBOUND = set(list(QUESTIONS)[-2:])

# What reads the same rows and puts nothing together; and what the raw events say.
BARE_HOURS = """
SELECT meter, sum(quantity), sum(events) FROM metering.rollups
WHERE customer_id = %(customer)s AND meter = ANY (%(series)s) AND hour >= %(start)s AND hour < %(end)s GROUP BY meter
"""
BARE_VALUES = """
SELECT count(DISTINCT digest) FROM metering.unique_values
WHERE customer_id = %(customer)s AND meter = ANY (%(series)s) AND hour >= %(start)s AND hour < %(end)s
"""
BARE_EVENTS = """
SELECT count(*), sum(length(event.data))
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS edge (start, stop)
CROSS JOIN LATERAL (
    SELECT data::text FROM metering.events
    WHERE customer_id = %(customer)s AND occurred_at >= edge.start AND occurred_at < edge.stop
    OFFSET 0
) AS event
"""
TRUE_TOKENS = """
SELECT sum((data->>'input')::numeric), count(*), count(DISTINCT data->>'person') FROM metering.events
WHERE customer_id = %(customer)s AND occurred_at >= %(start)s AND occurred_at < %(end)s AND type = 'llm.completion'
"""
