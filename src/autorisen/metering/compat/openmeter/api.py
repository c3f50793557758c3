"""OpenMeter's addresses. They stay out of our OpenAPI document: OpenMeter's own describes them, errors included."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from autorisen.kit.problems import UnsupportedMediaType
from autorisen.metering.compat.openmeter.translate import FORMS, PREFIX, receipt_answer
from autorisen.metering.compat.send_answer import send_answer, take_in
from autorisen.metering.decode import decode_body
from autorisen.metering.intake import media_type

router = APIRouter(prefix=PREFIX + "api", tags=["openmeter"])


@router.post("/v1/events")
async def openmeter_ingest_events(request: Request) -> Response:
    """OpenMeter: store one CloudEvent or an array of them."""
    form = FORMS.get(media_type(request))
    if form is None:
        raise UnsupportedMediaType(f"send one of {', '.join(FORMS)}")
    _, receipt = await take_in(request, lambda body: decode_body(body, form))
    return send_answer(receipt_answer(receipt))
