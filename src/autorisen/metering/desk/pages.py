"""All routes of the pages about events, for the composition root."""

from __future__ import annotations

from fastapi import APIRouter

from autorisen.metering.desk.conflict_page import router as conflict_router
from autorisen.metering.desk.ingest_page import router as ingest_router
from autorisen.metering.desk.log_page import router as log_router
from autorisen.metering.desk.rejected_page import router as rejected_router
from autorisen.metering.desk.try_page import router as try_router

router = APIRouter()
for part in (log_router, rejected_router, conflict_router, try_router, ingest_router):
    router.include_router(part)
