"""Polar's API to ours and back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autorisen.kit.problems import FieldError, MalformedBody, Problem
from autorisen.metering.compat.model import Answer, rejections
from autorisen.metering.decode import BATCH_LIMIT, exact_json, read_event
from autorisen.metering.errors import InvalidEvent, TooManyEvents
from autorisen.metering.ingest import Item
from autorisen.metering.model import Receipt, Result

PREFIX = "/compat/polar/"
SOURCE = "polar"

_CUSTOMER = ("external_customer_id", "customer_id")
# What Polar knows besides, under the names that CloudEvents allows. They are kept with the event and count nothing.
_KEPT = {
    "parent_id": "parentid",
    "member_id": "memberid",
    "external_member_id": "externalmemberid",
    "organization_id": "organizationid",
}
_NAMES = {"id": "external_id", "type": "name", "subject": "external_customer_id", "time": "timestamp"}


def read_events(body: bytes, new_id: Callable[[], str]) -> Sequence[Item]:
    """The events of a request; one without `external_id` gets a new id, so that each sending of it counts.

    Raises `MalformedBody` and `TooManyEvents`.
    """
    document = exact_json(body)
    events = document.get("events") if isinstance(document, dict) else None
    if not isinstance(events, list):
        raise MalformedBody('the body must be an object with an array "events"')
    if len(events) > BATCH_LIMIT:
        raise TooManyEvents(f"send at most {BATCH_LIMIT:,} events in one request, not {len(events):,}")
    return [read_event(_cloud_event(raw, new_id) if isinstance(raw, dict) else raw) for raw in events]


def _cloud_event(raw: Mapping[str, object], new_id: Callable[[], str]) -> dict[str, object]:
    named = [raw[name] for name in _CUSTOMER if raw.get(name) is not None]
    external_id = raw.get("external_id")
    event = {
        "specversion": "1.0",
        "source": SOURCE,
        "id": new_id() if external_id is None else external_id,
        "type": raw.get("name"),
        # Two names are two customers as likely as one.
        "subject": named[0] if len(named) == 1 else None,
        "time": raw.get("timestamp"),
        "data": raw.get("metadata"),
    }
    return event | {ours: raw.get(theirs) for theirs, ours in _KEPT.items()}


def receipt_answer(items: Sequence[Item], receipt: Receipt) -> Answer:
    """How many are stored now and were before. Raises `InvalidEvent` naming the rejected; the others are stored."""
    broken = rejections(receipt)
    if broken:
        stored = f"the other {len(items) - len(broken)} of this request are stored" if len(items) > len(broken) else ""
        raise InvalidEvent(
            stored,
            errors=[FieldError(f"/events/{each.index}{_field(each.field)}", _rule(each)) for each in broken],
        )
    return Answer(200, {"inserted": receipt.accepted, "duplicates": receipt.duplicates + receipt.conflicts})


def _field(pointer: str | None) -> str:
    """Our name of a field as Polar's, as a JSON pointer."""
    head, *rest = (pointer or "").lstrip("/").split("/")
    if head == "data":
        return "/".join(("/metadata", *rest))
    theirs = next((name for name, ours in _KEPT.items() if ours == head), _NAMES.get(head, head))
    return f"/{theirs}" if theirs else ""


def _rule(result: Result) -> str:
    return f"{result.reason}; name exactly one customer" if result.field == "/subject" else result.reason or ""


def refusal(problem: Problem, request_id: str | None) -> Answer:
    """A problem in Polar's form: what is wrong with a body like FastAPI says it, everything else with a word."""
    said = ": ".join(part for part in (problem.title, problem.detail) if part)
    if problem.status in (400, 413, 415, 422):
        errors = problem.errors or (FieldError("", said),)
        return Answer(422, {"detail": [_detail(error, problem) for error in errors]})
    return Answer(problem.status, {"error": type(problem).__name__, "detail": said})


def _detail(error: FieldError, problem: Problem) -> dict[str, object]:
    path = [int(part) if part.isdigit() else part for part in error.field.split("/") if part]
    message = f"{error.rule}; {problem.detail}" if problem.errors and problem.detail else error.rule
    return {"loc": ["body", *path], "msg": message, "type": problem.code}
