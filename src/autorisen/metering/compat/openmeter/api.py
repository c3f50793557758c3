"""OpenMeter's addresses. They stay out of our OpenAPI document: OpenMeter's own describes them, errors included."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from autorisen.kit.http import runtime_of
from autorisen.kit.problems import UnsupportedMediaType
from autorisen.kit.read_body import read_body
from autorisen.metering.compat.openmeter import read_usage
from autorisen.metering.compat.openmeter.questions import (
    Asked,
    asked_in_body,
    event_question,
    filtered_question,
    meter_question,
)
from autorisen.metering.compat.openmeter.translate import (
    FORMS,
    PREFIX,
    events_answer,
    meter_answer,
    meters_answer,
    page_answer,
    query_answer,
    query_csv,
    receipt_answer,
)
from autorisen.metering.compat.send_answer import send_answer, take_in
from autorisen.metering.decode import decode_body
from autorisen.metering.intake import BODY_LIMIT, media_type, reader
from autorisen.metering.model import Receipt

router = APIRouter(prefix=PREFIX + "api", tags=["openmeter"])


@router.post("/v1/events")
async def openmeter_ingest_events(request: Request) -> Response:
    """OpenMeter: store one CloudEvent or an array of them."""
    return send_answer(receipt_answer(await _ingest(request), 204))


@router.post("/v3/openmeter/events")
async def openmeter_v3_ingest_events(request: Request) -> Response:
    """OpenMeter, API v3: store one CloudEvent or an array of them."""
    return send_answer(receipt_answer(await _ingest(request), 202))


async def _ingest(request: Request) -> Receipt:
    form = FORMS.get(media_type(request))
    if form is None:
        raise UnsupportedMediaType(f"send one of {', '.join(FORMS)}")
    _, receipt = await take_in(request, lambda body: decode_body(body, form))
    return receipt


@router.get("/v1/events")
async def openmeter_list_events(request: Request) -> Response:
    """OpenMeter: stored events with the time they arrived, newest first."""
    principal, runtime = await reader(request), runtime_of(request)
    question = event_question(_asked(request), runtime.clock.now())
    async with runtime.database.read() as tx:
        return send_answer(events_answer(await read_usage.events(tx, principal, question)))


@router.get("/v2/events")
async def openmeter_page_events(request: Request) -> Response:
    """OpenMeter: a page of the stored events that a filter lets through, newest first."""
    principal, runtime = await reader(request), runtime_of(request)
    question = filtered_question(_asked(request), runtime.clock.now())
    async with runtime.database.read() as tx:
        return send_answer(page_answer(await read_usage.events(tx, principal, question), question.limit))


@router.get("/v1/meters")
async def openmeter_list_meters(request: Request) -> Response:
    """OpenMeter: all meters."""
    await reader(request)
    async with runtime_of(request).database.read() as tx:
        return send_answer(meters_answer(await read_usage.meters(tx)))


@router.get("/v1/meters/{name}")
async def openmeter_get_meter(request: Request, name: str) -> Response:
    """OpenMeter: one meter by id or slug."""
    await reader(request)
    async with runtime_of(request).database.read() as tx:
        return send_answer(meter_answer(*await read_usage.meter(tx, name)))


@router.get("/v1/meters/{name}/query")
async def openmeter_query_meter(request: Request, name: str) -> Response:
    """OpenMeter: the use of one meter, as JSON or CSV."""
    return await _query(request, name, _asked(request))


@router.post("/v1/meters/{name}/query")
async def openmeter_query_meter_by_body(request: Request, name: str) -> Response:
    """OpenMeter: the use of one meter, asked for in a JSON body, as JSON or CSV."""
    return await _query(request, name, asked_in_body(await read_body(request, limit=BODY_LIMIT)))


async def _query(request: Request, name: str, asked: Asked) -> Response:
    principal, runtime = await reader(request), runtime_of(request)
    async with runtime.database.read() as tx:
        meter, _ = await read_usage.meter(tx, name)
        question = meter_question(asked, [each.name for each in meter.group_by], runtime.clock.now())
        rows = await read_usage.rows(tx, principal, meter.key, question)
    if "text/csv" in request.headers.get("accept", ""):
        return Response(query_csv(question, rows), media_type="text/csv")
    return send_answer(query_answer(question, rows))


def _asked(request: Request) -> Asked:
    return {name: request.query_params.getlist(name) for name in request.query_params}
