"""Lago's addresses. They stay out of our OpenAPI document: Lago's own describes them, errors included."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from autorisen.kit.http import runtime_of
from autorisen.kit.problems import NotFound
from autorisen.metering.compat.lago import store
from autorisen.metering.compat.lago.translate import (
    PREFIX,
    answer_batch,
    answer_kept,
    answer_one,
    read_batch,
    read_one,
)
from autorisen.metering.compat.send_answer import send_answer, take_in
from autorisen.metering.intake import reader
from autorisen.metering.model import OPERATOR

router = APIRouter(prefix=PREFIX + "api/v1", tags=["lago"])


@router.post("/events")
async def lago_create_event(request: Request) -> Response:
    """Lago: store one event."""
    items, receipt = await take_in(request, read_one)
    return send_answer(answer_one(items, receipt, runtime_of(request).clock.now()))


@router.post("/events/batch")
async def lago_create_events(request: Request) -> Response:
    """Lago: store up to 100 events."""
    items, receipt = await take_in(request, read_batch)
    return send_answer(answer_batch(items, receipt, runtime_of(request).clock.now()))


@router.get("/events/{transaction_id:path}")
async def lago_show_event(request: Request, transaction_id: str) -> Response:
    """Lago: one stored event by its transaction id."""
    principal = await reader(request)
    event = None
    if "\0" not in transaction_id:
        async with runtime_of(request).database.read() as tx:
            event = await store.select_by_transaction(tx, principal.customer_id or OPERATOR, transaction_id)
    if event is None:
        raise NotFound("no event of this transaction id was sent with this key to this address")
    return send_answer(answer_kept(event))
