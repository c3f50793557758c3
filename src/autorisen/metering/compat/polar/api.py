"""Polar's addresses."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from autorisen.kit.http import runtime_of
from autorisen.metering.compat.polar.translate import PREFIX, read_events, receipt_answer
from autorisen.metering.compat.send_answer import send_answer, take_in

router = APIRouter(prefix=PREFIX + "v1", tags=["polar"])


@router.post("/events/ingest")
async def polar_ingest_events(request: Request) -> Response:
    """Polar: store a batch of events"""
    ids = runtime_of(request).ids
    items, receipt = await take_in(request, lambda body: read_events(body, lambda: str(ids.new())))
    return send_answer(receipt_answer(items, receipt))
