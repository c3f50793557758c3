"""Lago's API v1 to ours and back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from http import HTTPStatus

import msgspec

from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody, Problem
from autorisen.metering.compat.lago.model import AMOUNT, SOURCE, KeptEvent
from autorisen.metering.compat.model import Answer
from autorisen.metering.decode import exact_json, read_event
from autorisen.metering.model import Event, Receipt, Rejection, Result, Status

PREFIX = "/compat/lago/"

BATCH_LIMIT = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_LIMIT = 10**12
# Our attributes by Lago's names, for errors.
_NAMES = {
    "id": "transaction_id",
    "source": "external_subscription_id",
    "subject": "external_subscription_id",
    "type": "code",
    "time": "timestamp",
    "data": "properties",
    AMOUNT: "precise_total_amount_cents",
}
# Lago's clients send again by themselves after 429 only, waiting for what this header says.
_TRY_AGAIN = {503: 429}
_OTHER_STATUS = {415: 400}


def read_one(body: bytes) -> list[Event | Rejection]:
    """The event of `{"event": {...}}`. Raises `MalformedBody` without one."""
    event = _member(body, "event")
    if not event:
        raise MalformedBody("param is missing or the value is empty: event")
    return [_read(event)]


def read_batch(body: bytes) -> list[Event | Rejection]:
    """The events of `{"events": [...]}`. Raises `MalformedBody`, and `InvalidInput` for none or more than 100."""
    events = _member(body, "events")
    if not events:
        raise InvalidInput(errors=[FieldError("events", "no_events")])
    if not isinstance(events, list):
        raise MalformedBody("events must be an array")
    if len(events) > BATCH_LIMIT:
        raise InvalidInput(errors=[FieldError("events", "too_many_events")])
    return [_read(event) for event in events]


def _member(body: bytes, name: str) -> object:
    document = exact_json(body)
    if not isinstance(document, dict):
        raise MalformedBody("the body must be an object")
    return document.get(name)


def _read(raw: object) -> Event | Rejection:
    if not isinstance(raw, dict):
        return read_event(raw)
    subscription = _text(raw.get("external_subscription_id"))
    amount = raw.get("precise_total_amount_cents")
    event = read_event(
        {
            "specversion": "1.0",
            "id": _text(raw.get("transaction_id")),
            "source": SOURCE + subscription if isinstance(subscription, str) else None,
            "type": _text(raw.get("code")),
            "subject": subscription,
            "time": _time(raw.get("timestamp")),
            "data": raw.get("properties"),
            AMOUNT: f"{amount:f}" if isinstance(amount, Decimal) else _text(amount),
        }
    )
    if isinstance(event, Rejection) and event.field == "/time":
        return msgspec.structs.replace(event, rule="must be seconds since 1970, like 1772350200 or 1772350200.123")
    return event


def _text(value: object) -> object:
    """Lago takes numbers where it wants a text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _time(value: object) -> object:
    """Unix seconds, a number or a text, as an RFC 3339 time, which may stand there as well."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | str | Decimal):
        return value
    try:
        seconds = Decimal(value)
        if abs(seconds) < _SECONDS_LIMIT:
            stamp: str = msgspec.to_builtins(_EPOCH + timedelta(microseconds=int(seconds * 1_000_000)))
            return stamp
    except (InvalidOperation, OverflowError):
        pass
    return str(value)


def answer_one(items: Sequence[Event | Rejection], receipt: Receipt, now: datetime) -> Answer:
    """The event as it was stored now, or 422. What was stored before is refused, as Lago does."""
    if receipt.results:
        return _unprocessable(_errors(receipt.results[0]))
    return Answer(200, {"event": _taken(items[0], now)})


def answer_batch(items: Sequence[Event | Rejection], receipt: Receipt, now: datetime) -> Answer:
    """All events as they were stored now, or 422 with the errors by place; the others of the batch are stored."""
    if receipt.results:
        return _unprocessable({str(result.index): _errors(result) for result in receipt.results})
    return Answer(200, {"events": [_taken(item, now) for item in items]})


def _errors(result: Result) -> dict[str, list[str]]:
    if result.status is not Status.REJECTED:
        return {"transaction_id": ["value_already_exist"]}
    pointer, reason = result.field or "", result.reason or ""
    name, _, rest = pointer.removeprefix("/").partition("/")
    rule = f"{rest} {reason.removeprefix(pointer)}".strip()
    code = "invalid_format" if name == "time" else "value_is_invalid"
    return {_NAMES.get(name, "event"): [code, rule]}


def _taken(item: Event | Rejection, now: datetime) -> dict[str, object]:
    assert isinstance(item, Event), "rejections are answered before"
    extensions = msgspec.json.decode(item.extensions_json or b"{}")
    return {
        "lago_id": None,
        "transaction_id": item.id,
        "lago_customer_id": None,
        "lago_subscription_id": None,
        "external_subscription_id": item.subject,
        "code": item.type,
        "timestamp": _stamp(item.time or now, "milliseconds"),
        "precise_total_amount_cents": extensions.get(AMOUNT),
        "properties": msgspec.Raw(item.data_json.encode()),
        "created_at": _stamp(now, "seconds"),
    }


def answer_kept(event: KeptEvent) -> Answer:
    """One stored event."""
    return Answer(
        200,
        {
            "event": {
                "lago_id": None,
                "transaction_id": event.transaction_id,
                "lago_customer_id": str(event.customer_id) if event.customer_id else None,
                "lago_subscription_id": None,
                "external_subscription_id": event.external_subscription_id,
                "code": event.code,
                "timestamp": _stamp(event.timestamp, "milliseconds"),
                "precise_total_amount_cents": event.precise_total_amount_cents,
                "properties": msgspec.Raw(event.properties_json.encode()),
                "created_at": _stamp(event.created_at, "seconds"),
            }
        },
    )


def _stamp(at: datetime, precision: str) -> str:
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _unprocessable(details: object) -> Answer:
    return Answer(
        422,
        {"status": 422, "error": "Unprocessable Entity", "code": "validation_errors", "error_details": details},
    )


def refusal(problem: Problem, request_id: str | None) -> Answer:
    """A problem in Lago's form."""
    if problem.errors and problem.status == 422:
        return _unprocessable({error.field: [error.rule] for error in problem.errors})
    status = _TRY_AGAIN.get(problem.status) or _OTHER_STATUS.get(problem.status, problem.status)
    detail = problem.detail or problem.title
    document: dict[str, object] = {"status": status, "error": HTTPStatus(status).phrase}
    if status == 400:
        document["error"] = f"BadRequest: {detail}"
    elif status == 403:
        document["code"] = "write_action_not_allowed_for_event"
    elif status == 404:
        document["code"] = "event_not_found"
    document |= {"detail": detail, "request_id": request_id}
    headers = {}
    if status == 429:
        headers["X-RateLimit-Reset"] = problem.headers.get("Retry-After", "1")
    return Answer(status, document, headers=headers)
