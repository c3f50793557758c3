"""Questions about usage and events as they come in a query string, and the documents that answer them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering.model import EventCursor, StoredEvent

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_LAST = datetime(9998, 12, 31, tzinfo=UTC)
_DEFAULT_STRETCH = timedelta(days=30)


def refuse(name: str, rule: str) -> InvalidInput:
    """The problem of a query string of which one parameter breaks a rule."""
    return InvalidInput(f"{name} {rule}", errors=[FieldError(f"query/{name}", rule)])


def stretch(since: str | None, to: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The half-open stretch of time of `from` and `to`."""
    end = _instant("to", to) if to is not None else now
    start = _instant("from", since) if since is not None else end - _DEFAULT_STRETCH
    if start >= end:
        raise refuse("from", "must be before `to`")
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
    raise refuse(name, "must be an RFC 3339 time with an offset, from 1970 to 9998, like 2026-03-01T00:00:00Z")


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
            raise refuse("customer", "is needed: operators see every customer")
        return own
    found = (await accounts.customer_ids_by_key(tx, [name])).get(name)
    if found is None or not principal.sees(found):
        raise accounts.CustomerNotFound("there is no such customer")
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
    raise refuse("cursor", "must be the `next` of a page of events")


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
