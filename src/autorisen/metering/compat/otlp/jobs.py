"""Background entries of traces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring
from autorisen.metering.compat.otlp.store import forget_traces

# Spans of traces that report no usage are kept so long, because one that does may still come.
KEPT_WITHOUT_USAGE = timedelta(days=7)
_TRACES_A_RUN = 20_000


async def _forget(unit: Unit, payload: dict[str, Any]) -> None:
    await forget_traces(unit.tx, unit.now - KEPT_WITHOUT_USAGE, _TRACES_A_RUN)


FORGET_TRACES = Job("metering.forget_traces", _forget)

JOBS = (FORGET_TRACES,)
SCHEDULE = (Recurring("metering.forget_traces", FORGET_TRACES.kind, every=timedelta(hours=1)),)
