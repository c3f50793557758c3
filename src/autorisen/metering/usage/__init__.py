"""Reading metering: quantities, series, events and the health of ingest."""

from autorisen.metering.usage.read_usage import (
    BUCKET_LIMIT,
    BucketSize,
    bucket_edges,
    event_counts,
    grouped_quantities,
    grouped_quantities_of,
    grouped_series,
    ingest_health,
    meters,
    quantities,
    quantities_of,
    quantity,
    rebuilds,
    recent_events,
    series,
    totals_and_series,
    waiting_subjects,
)
from autorisen.metering.usage.stretch import Stretch

__all__ = [
    "BUCKET_LIMIT",
    "BucketSize",
    "Stretch",
    "bucket_edges",
    "event_counts",
    "grouped_quantities",
    "grouped_quantities_of",
    "grouped_series",
    "ingest_health",
    "meters",
    "quantities",
    "quantities_of",
    "quantity",
    "rebuilds",
    "recent_events",
    "series",
    "totals_and_series",
    "waiting_subjects",
]
