"""OpenMeter's questions as they come in a query string or a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast, get_args
from zoneinfo import available_timezones

from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody
from autorisen.metering.compat.openmeter.model import Dimension, EventQuestion, MeterQuestion, WindowSize
from autorisen.metering.decode import exact_json
from autorisen.metering.ingest import AHEAD_MAX, EARLIEST
from autorisen.metering.query import stretch

NAMES_LIMIT = 100
EVENTS_LIMIT = 100
_EVENTS_STRETCH = timedelta(days=32)

# Names with their values; a filter by a group is named like `filterGroupBy[model]`.
Asked = Mapping[str, Sequence[str]]

_LISTS = ("subject", "filterCustomerId", "groupBy")
_TEXTS = ("from", "to", "windowSize", "windowTimeZone")
_UNKNOWN = ("filterGroupBy", "advancedMeterGroupByFilters")


def asked_in_body(body: bytes) -> Asked:
    """What the JSON object of a query asks; nothing when there is no body. Raises `MalformedBody`, `InvalidInput`."""
    document = exact_json(body) if body else {}
    if not isinstance(document, dict):
        raise MalformedBody("the body must be a JSON object")
    asked: dict[str, list[str]] = {}
    for name, value in document.items():
        if value is None or value in ({}, []):
            continue
        values = value if name in _LISTS else [value]
        if name in (*_LISTS, *_TEXTS) and not (
            isinstance(values, list) and all(isinstance(each, str) for each in values)
        ):
            raise _refuse(name, "must be a list of texts" if name in _LISTS else "must be a text")
        asked[name] = values
    return asked


def meter_question(asked: Asked, now: datetime) -> MeterQuestion:
    """Raises `InvalidInput` naming the parameter and the rule."""
    for name in asked:
        if name.startswith(_UNKNOWN):
            raise _refuse(name, "is not served: usage is not grouped here")
    since, to = _one(asked, "from"), _one(asked, "to")
    start, end = stretch(since or EARLIEST.isoformat(), to, now)
    subjects, customers = _names(asked, "subject"), _names(asked, "filterCustomerId")
    group_by = list(dict.fromkeys(asked.get("groupBy", ())))
    if unknown := [name for name in group_by if name not in get_args(Dimension)]:
        raise _refuse("groupBy", f"must be one of {', '.join(get_args(Dimension))}, not {unknown[0][:40]}")
    # To filter by subjects groups by them too, in their words.
    if subjects and "subject" not in group_by:
        group_by.append("subject")
    if len(customers) > 1 and not group_by:
        raise _refuse("groupBy", "must be customer_id or subject where several customers are asked for")
    return MeterQuestion(
        start,
        end,
        since,
        to,
        _window(asked),
        _time_zone(asked),
        subjects,
        customers,
        tuple(cast("list[Dimension]", group_by)),
    )


def event_question(asked: Asked, now: datetime) -> EventQuestion:
    """Raises `InvalidInput` naming the parameter and the rule."""
    latest = now + AHEAD_MAX
    start, end = stretch(_one(asked, "from") or (now - _EVENTS_STRETCH).isoformat(), _one(asked, "to"), latest)
    arrival = stretch(_one(asked, "ingestedAtFrom") or EARLIEST.isoformat(), _one(asked, "ingestedAtTo"), latest)
    limit = _one(asked, "limit") or str(EVENTS_LIMIT)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= EVENTS_LIMIT):
        raise _refuse("limit", f"must be a number from 1 to {EVENTS_LIMIT}")
    id, subject = _one(asked, "id") or "", _one(asked, "subject")
    if "\0" in id + (subject or ""):
        raise _refuse("id", "must not hold NUL characters")
    return EventQuestion(start, end, *arrival, id, subject, _names(asked, "customerId"), int(limit))


def _one(asked: Asked, name: str) -> str | None:
    values = asked.get(name, ())
    if len(values) > 1:
        raise _refuse(name, "must be given once")
    return values[0] if values else None


def _names(asked: Asked, name: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(asked.get(name, ())))
    if len(names) > NAMES_LIMIT:
        raise _refuse(name, f"must be at most {NAMES_LIMIT} names")
    return names


def _window(asked: Asked) -> WindowSize | None:
    window = _one(asked, "windowSize")
    if window is not None and window not in get_args(WindowSize):
        raise _refuse("windowSize", f"must be one of {', '.join(get_args(WindowSize))}")
    return cast("WindowSize | None", window)


def _time_zone(asked: Asked) -> str:
    zone = _one(asked, "windowTimeZone") or "UTC"
    if zone not in available_timezones():
        raise _refuse("windowTimeZone", "must be the IANA name of a time zone, like Africa/Johannesburg")
    return zone


def _refuse(name: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{name} {rule}", errors=[FieldError(f"query/{name}", rule)])
