"""OpenMeter's questions as they come in a query string or a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast, get_args

from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody
from autorisen.kit.time_zones import time_zones
from autorisen.metering.compat.openmeter.model import (
    CUSTOMER,
    SUBJECT,
    EventQuestion,
    MeterQuestion,
    WindowSize,
)
from autorisen.metering.decode import exact_json
from autorisen.metering.ingest import AHEAD_MAX, EARLIEST
from autorisen.metering.model import Group
from autorisen.metering.query import event_cursor, stretch

NAMES_LIMIT = 100
EVENTS_LIMIT = 100
_EVENTS_STRETCH = timedelta(days=32)

# Names with their values; a filter by a group is named like `filterGroupBy[model]`.
Asked = Mapping[str, Sequence[str]]

_LISTS = ("subject", "filterCustomerId", "groupBy")
_TEXTS = ("from", "to", "windowSize", "windowTimeZone", "clientId")

# What events are filtered by in API v2.
_IN = ("id", "source", "type", "subject")
_BETWEEN = ("time", "ingestedAt")
_COMPARISONS = ("$gte", "$gt", "$lt", "$lte")
_INSTANT = timedelta(microseconds=1)


def asked_in_body(body: bytes) -> Asked:
    """What the JSON object of a query asks; nothing when there is no body. Raises `MalformedBody`, `InvalidInput`."""
    document = exact_json(body) if body else {}
    if not isinstance(document, dict):
        raise MalformedBody("the body must be a JSON object")
    filters = document.pop("filterGroupBy", None) or {}
    if not isinstance(filters, dict):
        raise _refuse("filterGroupBy", "must be an object")
    asked: dict[str, list[str]] = {}
    for name, value in {**document, **{f"filterGroupBy[{name}]": value for name, value in filters.items()}}.items():
        if value is None or value in ({}, []):
            continue
        values = [value] if name in _TEXTS else value
        if isinstance(values, list) and all(isinstance(each, str) for each in values):
            asked[name] = values
        elif name in _TEXTS:
            raise _refuse(name, "must be a text")
        elif name in _LISTS or name.startswith("filterGroupBy["):
            raise _refuse(name, "must be a list of texts")
        else:
            asked[name] = []
    return asked


def meter_question(asked: Asked, dimensions: Sequence[str], now: datetime) -> MeterQuestion:
    """A question to a meter of these dimensions. Raises `InvalidInput` naming the parameter and the rule."""
    since, to = _one(asked, "from"), _one(asked, "to")
    start, end = stretch(since or EARLIEST.isoformat(), to, now)
    subjects, customers = _names(asked, "subject"), _names(asked, "filterCustomerId")
    group_by = _group_by(asked, dimensions)
    # To filter by subjects groups by them too, in their words.
    if subjects and SUBJECT not in group_by:
        group_by = (*group_by, SUBJECT)
    if len(customers) > 1 and not {SUBJECT, CUSTOMER} & set(group_by):
        raise _refuse("groupBy", f"must hold {CUSTOMER} or {SUBJECT} where several customers are asked for")
    return MeterQuestion(
        start,
        end,
        since,
        to,
        _window(asked),
        _time_zone(asked),
        subjects,
        customers,
        group_by,
        _only(asked, dimensions),
    )


def _group_by(asked: Asked, dimensions: Sequence[str]) -> tuple[str, ...]:
    known, names = (SUBJECT, CUSTOMER, *dimensions), tuple(dict.fromkeys(asked.get("groupBy", ())))
    if unknown := [name for name in names if name not in known]:
        raise _refuse("groupBy", f"must be of {', '.join(known)}, not {unknown[0][:40]}")
    return names


def _only(asked: Asked, dimensions: Sequence[str]) -> Group:
    """The values that `filterGroupBy[name]` asks for."""
    found: dict[str, str] = {}
    for name in asked:
        if name.startswith("advancedMeterGroupByFilters"):
            raise _refuse(name, "is not served: send filterGroupBy")
        if name.startswith("filterGroupBy"):
            dimension = name.removeprefix("filterGroupBy[").removesuffix("]")
            value = _one(asked, name)
            if dimension not in dimensions or value is None:
                raise _refuse(name, f"must be filterGroupBy[name] of {', '.join(dimensions) or 'none'}, with one value")
            found[dimension] = value
    return tuple(sorted(found.items()))


def event_question(asked: Asked, now: datetime) -> EventQuestion:
    """What `GET /api/v1/events` asks. Raises `InvalidInput` naming the parameter and the rule."""
    latest = now + AHEAD_MAX
    start, end = stretch(_one(asked, "from") or (now - _EVENTS_STRETCH).isoformat(), _one(asked, "to"), latest)
    arrival = stretch(_one(asked, "ingestedAtFrom") or EARLIEST.isoformat(), _one(asked, "ingestedAtTo"), latest)
    subject = _one(asked, "subject")
    return EventQuestion(
        start,
        end,
        *arrival,
        _limit(asked),
        part_of_id=_text("id", _one(asked, "id") or ""),
        subjects=None if subject is None else (_text("subject", subject),),
        customers=_names(asked, "customerId") or None,
    )


def filtered_question(asked: Asked, now: datetime) -> EventQuestion:
    """What `GET /api/v2/events` asks; one event more than a page is read. Raises `InvalidInput`, `MalformedBody`."""
    given = exact_json((_one(asked, "filter") or "null").encode(errors="replace"))
    filters = given if isinstance(given, dict) else {}
    if (given is not None and not isinstance(given, dict)) or filters.keys() - {*_IN, "customerId", *_BETWEEN}:
        raise _refuse("filter", f"must be a JSON object of {', '.join((*_IN, 'customerId', *_BETWEEN))}")
    latest = now + AHEAD_MAX
    (start, end), (arrived, until) = (_between(name, filters.get(name), latest) for name in _BETWEEN)
    lists = {name: _in(name, filters.get(name)) for name in (*_IN, "customerId")}
    return EventQuestion(
        start,
        end,
        arrived,
        until,
        _limit(asked) + 1,
        ids=lists["id"],
        sources=lists["source"],
        types=lists["type"],
        subjects=lists["subject"],
        customers=lists["customerId"],
        after=event_cursor(_one(asked, "cursor")),
    )


def _in(name: str, given: object) -> tuple[str, ...] | None:
    """The values of `$eq` or `$in`; None when there is no filter."""
    if given is None:
        return None
    values: object = None
    if isinstance(given, dict) and len(given) == 1:
        values = [given["$eq"]] if "$eq" in given else given.get("$in")
    if not isinstance(values, list) or not 1 <= len(values) <= NAMES_LIMIT:
        raise _refuse(f"filter/{name}", f"must be $eq with a text, or $in with 1 to {NAMES_LIMIT}")
    return tuple(_text(f"filter/{name}", value) for value in values)


def _between(name: str, given: object, latest: datetime) -> tuple[datetime, datetime]:
    """From `$gte` (or after `$gt`) up to, not including, `$lt` (or up to `$lte`)."""
    if given is None:
        return EARLIEST, latest
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise _refuse(f"filter/{name}", f"must be an object of {', '.join(_COMPARISONS)} with times")
    if (
        given.keys() - set(_COMPARISONS)
        or len(given.keys() & {"$gte", "$gt"}) > 1
        or len(given.keys() & {"$lt", "$lte"}) > 1
    ):
        raise _refuse(f"filter/{name}", "must hold at most one of $gte and $gt, one of $lt and $lte, and no more")
    start, end = stretch(
        given.get("$gte") or given.get("$gt") or EARLIEST.isoformat(), given.get("$lt") or given.get("$lte"), latest
    )
    return start + _INSTANT * ("$gt" in given), end + _INSTANT * ("$lte" in given)


def _limit(asked: Asked) -> int:
    limit = _one(asked, "limit") or str(EVENTS_LIMIT)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= EVENTS_LIMIT):
        raise _refuse("limit", f"must be a number from 1 to {EVENTS_LIMIT}")
    return int(limit)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise _refuse(name, "must be a text without NUL characters")
    return value


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
    if zone not in time_zones():
        raise _refuse("windowTimeZone", "must be the IANA name of a time zone, like Africa/Johannesburg")
    return zone


def _refuse(name: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{name} {rule}", errors=[FieldError(f"query/{name}", rule)])
