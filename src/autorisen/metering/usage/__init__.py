"""Reading metering: quantities, series, events and the health of ingest."""

from autorisen.metering.usage.read_usage import (
    BUCKET_LIMIT,
    BucketSize,
    bucket_edges,
    event_counts,
    grouped_quantities,
    grouped_series,
    ingest_health,
    meters,
    quantities,
    quantity,
    rebuilds,
    recent_events,
    series,
    totals_and_series,
    waiting_subjects,
)

__all__ = [
    "BUCKET_LIMIT",
    "BucketSize",
    "bucket_edges",
    "event_counts",
    "grouped_quantities",
    "grouped_series",
    "ingest_health",
    "meters",
    "quantities",
    "quantity",
    "rebuilds",
    "recent_events",
    "series",
    "totals_and_series",
    "waiting_subjects",
]
