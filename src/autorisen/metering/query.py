"""Questions about usage and events as they come in a query string, and the documents that answer them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering import usage
from autorisen.metering.model import NOTHING, EventCursor, MeterDefinition, StoredEvent
from autorisen.metering.usage import BucketSize

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_LAST = datetime(9998, 12, 31, tzinfo=UTC)
_DEFAULT_STRETCH = timedelta(days=30)


@dataclass(frozen=True)
class UsageQuestion:
    """Which use is asked for; `bucket` None means totals only, `meter` None means all."""

    start: datetime
    end: datetime
    bucket: BucketSize | None
    meter: str | None
    time_zone: str


def _refuse(name: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{name} {rule}", errors=[FieldError(f"query/{name}", rule)])


def stretch(since: str | None, to: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The half-open stretch of time of `from` and `to`."""
    end = _instant("to", to) if to is not None else now
    start = _instant("from", since) if since is not None else end - _DEFAULT_STRETCH
    if start >= end:
        raise _refuse("from", "must be before `to`")
    return start, end


def _instant(name: str, text: str) -> datetime:
    # A plus sign that nobody escaped arrives as a space.
    text = text.replace(" ", "+")
    try:
        if _TIME.fullmatch(text):
            instant = datetime.fromisoformat(text).astimezone(UTC)
            if _FIRST <= instant <= _LAST:
                return instant
    except (ValueError, OverflowError):
        pass
    raise _refuse(name, "must be an RFC 3339 time with an offset, from 1970 to 9998, like 2026-03-01T00:00:00Z")


def usage_question(
    bounds: tuple[datetime, datetime], bucket: str | None, meter: str | None, time_zone: str
) -> UsageQuestion:
    if bucket not in (None, "hour", "day"):
        raise _refuse("bucket", "must be hour or day")
    if time_zone not in available_timezones():
        raise _refuse("time_zone", "must be the IANA name of a time zone, like Africa/Johannesburg")
    return UsageQuestion(*bounds, cast("BucketSize | None", bucket), meter, time_zone)


def tenant_of(principal: Principal) -> UUID | None:
    """Whose events this principal reads when it names nobody; None means everybody's, which only operators read.

    Raises `NoCustomer` for a person who signed in and belongs to no customer.
    """
    if principal.customer_id is None and not principal.is_operator:
        raise accounts.NoCustomer("sign in as a member of a customer")
    return principal.customer_id


async def visible_customer(tx: Tx, principal: Principal, name: str | None, *, needed: bool) -> UUID | None:
    """The customer of that key or id, or the principal's own.

    Raises `CustomerNotFound` for others' as for none, `InvalidInput` when one is needed and none is named,
    `NoCustomer` for a person who belongs to none.
    """
    own = tenant_of(principal)
    if name is None:
        if own is None and needed:
            raise _refuse("customer", "is needed: operators see every customer")
        return own
    found = (await accounts.customer_ids_by_key(tx, [name])).get(name)
    if found is None or not principal.sees(found):
        raise accounts.CustomerNotFound("there is no such customer")
    return found


async def usage_document(tx: Tx, customer_id: UUID | None, question: UsageQuestion) -> dict[str, object]:
    assert customer_id is not None, "asked for with needed=True"
    meters = await _meters(tx, question.meter)
    totals = await usage.quantities(tx, customer_id=customer_id, start=question.start, end=question.end)
    zone = ZoneInfo(question.time_zone)
    answers = []
    for meter in meters:
        total = totals.get(meter.key, NOTHING)
        answer: dict[str, object] = {
            "meter": meter.key,
            "name": meter.name,
            "unit": meter.unit,
            "quantity": f"{total.quantity:f}",
            "events": total.events,
        }
        if question.bucket:
            buckets = await usage.series(
                tx,
                customer_id=customer_id,
                meter=meter.key,
                start=question.start,
                end=question.end,
                bucket=question.bucket,
                time_zone=question.time_zone,
            )
            answer["buckets"] = [
                {
                    "start": each.start.astimezone(zone).isoformat(),
                    "quantity": f"{each.quantity:f}",
                    "events": each.events,
                }
                for each in buckets
            ]
        answers.append(answer)
    return {
        "customer": public_id("cus", customer_id),
        "from": question.start.astimezone(zone).isoformat(),
        "to": question.end.astimezone(zone).isoformat(),
        "time_zone": question.time_zone,
        "bucket": question.bucket,
        "meters": answers,
    }


async def _meters(tx: Tx, key: str | None) -> list[MeterDefinition]:
    meters = await usage.meters(tx)
    if key is None:
        return meters
    found = [meter for meter in meters if meter.key == key]
    if not found:
        raise _refuse("meter", f"is not a meter; known: {', '.join(meter.key for meter in meters) or 'none'}")
    return found


def event_cursor(text: str | None) -> EventCursor | None:
    """Where the page before ended, from its `next`."""
    if text is None:
        return None
    try:
        at, source, id = msgspec.json.decode(
            base64.b64decode(text, altchars=b"-_", validate=True), type=tuple[str, str, str]
        )
        if "\0" not in source + id:
            return EventCursor(_instant("cursor", at), source, id)
    except (binascii.Error, ValueError, UnicodeError):
        pass
    raise _refuse("cursor", "must be the `next` of a page of events")


def event_document(events: Sequence[StoredEvent], limit: int) -> dict[str, object]:
    """A page of `limit` events of which one more was read, to know whether there is a next page."""
    page = events[:limit]
    more = None
    if len(events) > limit:
        last = page[-1]
        place = msgspec.json.encode((last.occurred_at.isoformat(), last.source, last.id))
        more = base64.urlsafe_b64encode(place).decode()
    return {"events": [_event(each) for each in page], "next": more}


def _event(event: StoredEvent) -> dict[str, object]:
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.occurred_at.isoformat(),
        # As text it goes out exactly as it is kept, numbers included.
        "data": msgspec.Raw(event.data_json.encode()),
    }
    if event.extensions_json:
        document |= msgspec.json.decode(event.extensions_json, type=dict[str, msgspec.Raw])
    return document | {"customer": public_id("cus", event.customer_id) if event.customer_id else None}
