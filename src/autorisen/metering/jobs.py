"""Background entries of metering."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring
from autorisen.metering.claim_events import claim_events
from autorisen.metering.compat.otlp import jobs as otlp
from autorisen.metering.rebuild_meter import CLEAR_KIND, REBUILD_KIND, perform_clear, perform_rebuild


async def _claim(unit: Unit, payload: dict[str, Any]) -> None:
    await claim_events(unit)


CLAIM_EVENTS = Job("metering.claim_events", _claim)

JOBS = (
    CLAIM_EVENTS,
    Job(REBUILD_KIND, perform_rebuild, mode="leased"),
    Job(CLEAR_KIND, perform_clear, mode="leased"),
    *otlp.JOBS,
)
SCHEDULE = (Recurring("metering.claim_events", CLAIM_EVENTS.kind, every=timedelta(minutes=1)), *otlp.SCHEDULE)
