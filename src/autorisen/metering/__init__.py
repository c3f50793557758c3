"""Metering: usage events, counted once, for ever, and read as exact quantities.

Owns the schema `metering`: meters, events (append-only, identity unique without a window), batches, rollups, conflicts,
rejected_events, unmetered_types, imports. Records no facts; listens to CustomerCreated.
"""

from autorisen.metering.apply_meters import apply_meters, plan_meters
from autorisen.metering.claim_events import claim_events, on_customer_created
from autorisen.metering.decode import new_event
from autorisen.metering.errors import MeterInUse
from autorisen.metering.importing import (
    EXAMPLE_COLUMNS,
    ImportOptions,
    ImportReport,
    example_file,
    import_file,
)
from autorisen.metering.ingest import Submission, ingest, ingest_all
from autorisen.metering.jobs import JOBS, SCHEDULE
from autorisen.metering.load_meters import load_meters
from autorisen.metering.meter_changes import MeterChange
from autorisen.metering.model import (
    Aggregation,
    Bucket,
    ConflictingEvent,
    Event,
    EventCounts,
    EventCursor,
    IngestHealth,
    MeterDefinition,
    Quantity,
    Receipt,
    RejectedEvent,
    Rejection,
    Result,
    Status,
    StoredEvent,
)
from autorisen.metering.usage import (
    conflicting_events,
    event_counts,
    ingest_health,
    meters,
    quantities,
    quantity,
    recent_events,
    rejected_events,
    series,
)

__all__ = [
    "EXAMPLE_COLUMNS",
    "JOBS",
    "SCHEDULE",
    "Aggregation",
    "Bucket",
    "ConflictingEvent",
    "Event",
    "EventCounts",
    "EventCursor",
    "ImportOptions",
    "ImportReport",
    "IngestHealth",
    "MeterChange",
    "MeterDefinition",
    "MeterInUse",
    "Quantity",
    "Receipt",
    "RejectedEvent",
    "Rejection",
    "Result",
    "Status",
    "StoredEvent",
    "Submission",
    "apply_meters",
    "claim_events",
    "conflicting_events",
    "event_counts",
    "example_file",
    "import_file",
    "ingest",
    "ingest_all",
    "ingest_health",
    "load_meters",
    "meters",
    "new_event",
    "on_customer_created",
    "plan_meters",
    "quantities",
    "quantity",
    "recent_events",
    "rejected_events",
    "series",
]
