"""OTLP/HTTP for traces: the address and the encodings that exporters and collectors expect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from autorisen.kit.http import runtime_of
from autorisen.kit.ids import public_id
from autorisen.kit.problems import Problem, UnsupportedMediaType
from autorisen.kit.read_body import read_body
from autorisen.metering.compat.otlp.answer import JSON, PREFIX, PROTOBUF, receipt_body, status_body
from autorisen.metering.compat.otlp.model import Span, TraceReceipt
from autorisen.metering.compat.otlp.read_traces import spans_of_json, spans_of_protobuf
from autorisen.metering.compat.otlp.take_traces import take_traces
from autorisen.metering.decode import decoded_weight
from autorisen.metering.intake import BODY_LIMIT, ingest_queue, media_type, sender

router = APIRouter(tags=["otlp"])

_READERS: dict[str, Callable[[bytes], list[Span]]] = {PROTOBUF: spans_of_protobuf, JSON: spans_of_json}
# Bytes of memory that the spans of a protobuf body may take: 10,000 of them, each with the attributes we keep.
_SPANS_WEIGHT = 20_000_000
# And that a request takes at least, so that not too many of them wait for their turn.
_WEIGHT_MIN = 64_000
# Requests of one trace wait for each other in the database; they must not take all connections of this process.
_TURNS = 2


@router.post(PREFIX)
async def otlp_export_traces(request: Request) -> Response:
    """OpenTelemetry: count the model calls that spans report"""
    kind = JSON
    try:
        kind = media_type(request)
        receipt = await _take(request, kind)
    except Problem as problem:
        answered = kind if kind in _READERS else JSON
        status = 400 if problem.status == 422 else problem.status
        return Response(status_body(problem, answered), status, headers=problem.headers, media_type=answered)
    return Response(receipt_body(receipt, kind), media_type=kind)


async def _take(request: Request, kind: str) -> TraceReceipt:
    principal = await sender(request)
    read = _READERS.get(kind)
    if read is None:
        raise UnsupportedMediaType(f"send {PROTOBUF} or {JSON}")
    runtime, queue = runtime_of(request), ingest_queue(request)
    queue.check_room()
    customer_id = principal.customer_id
    with queue.memory.held() as held:
        body = await read_body(request, limit=BODY_LIMIT, take=held.take)
        weight = decoded_weight(body) if kind == JSON else min(_SPANS_WEIGHT, 200 * len(body))
        held.take(max(_WEIGHT_MIN, weight))
        # Reading protobuf is Python: in a thread, so that other requests go on meanwhile.
        spans = await asyncio.to_thread(read, body)
        del body
        own_subject = public_id("cus", customer_id) if customer_id else None
        async with _turns(request), runtime.unit() as unit:
            return await take_traces(unit, customer_id, own_subject, spans)


def _turns(request: Request) -> asyncio.Semaphore:
    """The turns of this process, made when first asked for."""
    state = request.app.state
    if not hasattr(state, "otlp_turns"):
        state.otlp_turns = asyncio.Semaphore(_TURNS)
    turns: asyncio.Semaphore = state.otlp_turns
    return turns
