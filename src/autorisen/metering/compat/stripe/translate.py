"""Stripe's meter events to ours and back, forms of v1 and JSON of v2. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl

from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody, Problem
from autorisen.metering.compat.model import Answer
from autorisen.metering.compat.stripe.errors import IdentifierTaken, SessionExpired
from autorisen.metering.decode import BATCH_LIMIT, exact_json, read_event
from autorisen.metering.errors import InvalidEvent, TooManyEvents
from autorisen.metering.ingest import Item
from autorisen.metering.model import Event, Receipt, Status

PREFIX = "/compat/stripe/"
SOURCE = "stripe"
CUSTOMER = "stripe_customer_id"

_FORM_FIELDS_MAX = 200
_NAMES = {"id": "identifier", "type": "event_name", "subject": f"payload[{CUSTOMER}]", "time": "timestamp"}
_EVENT_FIELDS = frozenset(("event_name", "identifier", "payload", "timestamp", "expand"))
# Stripe sends numbers as texts. What is written as one is kept as one; 007 is a name.
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d{1,12})?", re.ASCII)
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)

Raw = Mapping[str, object]


def read_form(body: bytes) -> dict[str, object]:
    """A form as nested names: `payload[value]=25` is `{"payload": {"value": "25"}}`. Raises `MalformedBody`."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_FORM_FIELDS_MAX,
        )
    except ValueError as error:
        raise MalformedBody(f"the body is no form: {error}") from None
    form: dict[str, object] = {}
    for name, value in pairs:
        head, bracket, rest = name.partition("[")
        if not bracket:
            form[head] = value
            continue
        inner = form.setdefault(head, {})
        if not isinstance(inner, dict) or not rest.endswith("]"):
            raise MalformedBody(f"{name[:80]} does not fit with the other fields")
        inner[rest[:-1]] = value
    return form


def read_object(body: bytes) -> dict[str, object]:
    """A body of v2: one JSON object. Raises `MalformedBody`."""
    document = exact_json(body)
    if not isinstance(document, dict):
        raise MalformedBody("the body must be a JSON object")
    return document


def one_event(raw: dict[str, object], identifier: str, version: int) -> Item:
    """The meter event of a request of that version. Raises `InvalidInput` for fields that Stripe does not have."""
    unknown = sorted(raw.keys() - _EVENT_FIELDS)
    if unknown:
        raise InvalidInput(errors=[FieldError(name[:80], "is not known here") for name in unknown])
    seconds = raw.get("timestamp")
    if version == 1 and isinstance(seconds, str) and _SECONDS.fullmatch(seconds):
        raw = raw | {"timestamp": _rfc3339(int(seconds))}
    return json_event(raw, identifier)


def _rfc3339(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError):
        return ""  # no time: read_event says so


def json_event(raw: object, identifier: str) -> Item:
    """A meter event as v2 writes it, or the first rule that it breaks. `identifier` is for one that brings none."""
    if not isinstance(raw, Mapping):
        return read_event(raw)
    payload = raw.get("payload")
    named = payload if isinstance(payload, Mapping) else {}
    return read_event(
        {
            "specversion": "1.0",
            "source": SOURCE,
            "id": identifier if raw.get("identifier") in (None, "") else raw["identifier"],
            "type": raw.get("event_name"),
            "subject": named.get(CUSTOMER),
            "time": raw.get("timestamp"),
            "data": {name: _number(value) for name, value in named.items() if name != CUSTOMER},
        }
    )


def _number(value: object) -> object:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return Decimal(value) if "." in value else int(value)


def stream_events(body: bytes, new_id: Callable[[int], str]) -> Sequence[Item]:
    """The events of one request of the stream. Raises `MalformedBody` and `TooManyEvents`."""
    events = read_object(body).get("events")
    if not isinstance(events, list):
        raise MalformedBody('the body must have an array "events"')
    if len(events) > BATCH_LIMIT:
        raise TooManyEvents(f"send at most {BATCH_LIMIT:,} events in one request, not {len(events):,}")
    return [json_event(raw, new_id(place)) for place, raw in enumerate(events)]


def event_answer(item: Item, raw: Raw, receipt: Receipt, now: datetime, *, version: int, livemode: bool) -> Answer:
    """The stored event as Stripe shows it. Raises `InvalidEvent` and `IdentifierTaken`."""
    outcome = receipt.results[0] if receipt.results else None
    if outcome and outcome.status is Status.REJECTED:
        raise InvalidEvent(errors=[FieldError(_parameter(outcome.field or ""), outcome.reason or "")])
    assert isinstance(item, Event), "what is no event was rejected"
    if outcome and outcome.status is Status.CONFLICT:
        raise IdentifierTaken(f"{item.id}: what was sent with it first is stored and counts")
    at = item.time or now
    document = {
        "object": "billing.meter_event" if version == 1 else "v2.billing.meter_event",
        "created": moment(now, version),
        "event_name": item.type,
        "identifier": item.id,
        "livemode": livemode,
        "payload": raw.get("payload"),
        "timestamp": moment(at, version),
    }
    return Answer(200, document)


def moment(at: datetime, version: int) -> int | str:
    """A time as that version writes it: seconds since 1970, or RFC 3339."""
    return int(at.timestamp()) if version == 1 else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _parameter(pointer: str) -> str:
    head, *rest = pointer.lstrip("/").split("/")
    if head == "data":
        return "payload" + "".join(f"[{name}]" for name in rest)
    return _NAMES.get(head, head)


def refusal(problem: Problem, request_id: str | None) -> Answer:
    """A problem in Stripe's form. What is wrong with a request is 400 there, and 5xx asks for the same again."""
    status = 400 if problem.status in (413, 415, 422) else problem.status
    first = problem.errors[0] if problem.errors else None
    said = f"{problem.title}: {problem.detail}" if problem.detail else problem.title
    error: dict[str, object] = {
        "type": "api_error" if status >= 500 else "invalid_request_error",
        "code": problem.code,
        "message": f"{said}: {first.field} {first.rule}" if first else said,
    }
    if first:
        error["param"] = first.field
    if isinstance(problem, SessionExpired):
        error["type"] = "temporary_session_expired"
    headers = {"stripe-should-retry": "true" if status in (429, 503) else "false"}
    if request_id:
        headers["Request-Id"] = request_id
    return Answer(status, {"error": error}, headers=headers)
