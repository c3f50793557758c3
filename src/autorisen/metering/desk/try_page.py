"""Send a test event from the browser, with the same call to copy for a program."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict

from autorisen import accounts
from autorisen.accounts import Customer, Principal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import MalformedBody
from autorisen.kit.unit import Runtime
from autorisen.metering import usage
from autorisen.metering.decode import exact_json, read_event
from autorisen.metering.desk.desk import APP, typed
from autorisen.metering.eventlog.model import producer_text
from autorisen.metering.ingest import ingest
from autorisen.metering.model import MeterDefinition, Status
from autorisen.ui import flash, render

router = APIRouter(prefix=f"{APP}/test")

Member = Annotated[Principal, Depends(accounts.member)]

SOURCE = "browser-test"


class TryForm(BaseModel):
    """What the form sends."""

    model_config = ConfigDict(str_strip_whitespace=True)

    id: str = ""
    type: str = ""
    time: str = ""
    data: str = ""


@dataclass(frozen=True)
class TryPage:
    """Context of metering/try.html. `refusal` is the rule that the event breaks, as the receipt names it."""

    customer: Customer
    types: tuple[tuple[str, str, bool], ...]
    id: str
    type: str
    time: str
    data: str
    curl: str
    python: str
    errors: dict[str, str] = field(default_factory=dict)
    refusal: str = ""


@router.get("")
async def try_event(request: Request, runtime: RuntimeDep, person: Member, type: str = "") -> Response:
    """A form that is filled in: sent as it stands, it is accepted."""
    return await _page(request, runtime, person, type=typed(type))


@router.post("")
async def send_event(
    request: Request,
    runtime: RuntimeDep,
    person: Member,
    form: Annotated[TryForm, Form()],
) -> Response:
    """Take the event in as if a key of the customer had sent it; the page of the event is its receipt."""
    assert person.customer_id is not None, "a member has a customer"
    values = form.model_dump()
    try:
        content = exact_json(form.data.encode(errors="replace"))
    except MalformedBody as problem:
        return await _page(request, runtime, person, refusals={"data": f"This is not JSON: {problem.detail}"}, **values)
    async with runtime.unit() as unit:
        customer = await accounts.customer(unit.tx, person.customer_id)
        receipt = await ingest(unit, customer.id, [read_event(_attributes(customer, values) | {"data": content})])
    result = receipt.results[0] if receipt.results else None
    if result is not None and result.status is not Status.DUPLICATE:
        return await _refused(request, runtime, person, result.field or "/id", result.reason or "", values)
    query = urlencode({"source": SOURCE, "id": values["id"], "by": producer_text(customer.id)})
    response = RedirectResponse(f"{APP}/event?{query}", 303)
    flash(response, "Accepted: it is stored." if result is None else "Duplicate: it was there, and counts once.")
    return response


def _attributes(customer: Customer, values: dict[str, str]) -> dict[str, object]:
    attributes: dict[str, object] = {
        "specversion": "1.0",
        "id": values["id"],
        "source": SOURCE,
        "type": values["type"],
        "subject": customer.key,
    }
    return attributes | ({"time": values["time"]} if values["time"] else {})


async def _refused(
    request: Request, runtime: Runtime, person: Principal, where: str, rule: str, values: dict[str, str]
) -> Response:
    name = where.split("/")[1] if where.startswith("/") else ""
    said = f"{where} {rule}".strip()
    errors = {name: said} if name in values else {}
    return await _page(request, runtime, person, refusals=errors, refusal=said, **values)


async def _page(
    request: Request,
    runtime: Runtime,
    person: Principal,
    *,
    id: str = "",
    type: str = "",
    time: str = "",
    data: str = "",
    refusals: dict[str, str] | None = None,
    refusal: str = "",
) -> Response:
    assert person.customer_id is not None, "a member has a customer"
    async with runtime.database.read() as tx:
        customer = await accounts.customer(tx, person.customer_id)
        meters = await usage.meters(tx)
    types = tuple(dict.fromkeys(meter.event_type for meter in meters)) or ("agent.execution",)
    type = type or types[0]
    id = id or str(runtime.ids.new())
    data = data or example_data(type, meters)
    base_url = runtime.settings.base_url
    page = TryPage(
        customer=customer,
        types=tuple((f"{APP}/test?{urlencode({'type': each})}", each, each == type) for each in types),
        id=id,
        type=type,
        time=time,
        data=data,
        curl=curl_call(base_url, customer.key, type, id, example_data(type, meters)),
        python=python_call(base_url, customer.key, type, example_data(type, meters)),
        errors=refusals or {},
        refusal=refusal,
    )
    return render(request, "metering/try.html", page, status=422 if refusals or refusal else 200)


def example_data(type: str, meters: list[MeterDefinition]) -> str:
    """Data that every meter of the type can measure: a number where one is summed."""
    data: dict[str, object] = {}
    for meter in meters:
        if meter.event_type == type and meter.value_path:
            inner = data
            for key in meter.value_path[:-1]:
                child = inner.setdefault(key, {})
                inner = child if isinstance(child, dict) else {}
            inner[meter.value_path[-1]] = 100
    return json.dumps(data or {"note": "a test"})


def curl_call(base_url: str, subject: str, type: str, id: str, data: str) -> str:
    """The call for a shell; the key comes from the environment, so that it stays out of the history."""
    event = {"specversion": "1.0", "source": "my-program", "id": id, "type": type, "subject": subject}
    body = json.dumps(event)[:-1] + f', "data": {data}' + "}"
    quoted = body.replace("'", "'\\''")
    return (
        f"curl -sS {base_url}/api/events \\\n"
        '  -H "Authorization: Bearer $AUTORISEN_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d '{quoted}'"
    )


def python_call(base_url: str, subject: str, type: str, data: str) -> str:
    """The same through our client, which loses nothing when the program crashes."""
    literal = msgspec.json.decode(data)
    return (
        "import os\n"
        "from autorisen.client import Client\n\n"
        f'with Client({base_url!r}, os.environ["AUTORISEN_KEY"], source="my-program", spool="usage.db") as client:\n'
        f"    client.record({type!r}, {subject!r}, {literal!r})\n"
        "    print(client.flush(timeout=10), client.status())"
    )
