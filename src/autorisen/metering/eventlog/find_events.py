"""Search the stored events, page by page, in bounded time however many there are."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering.cursors import decode_cursor, encode_cursor
from autorisen.metering.eventlog import store
from autorisen.metering.eventlog.model import EARLIEST, LATEST, FullEvent, LoggedEvent, LogPage, Search

# A page looks at so many events for those that match; then it says how far it came, and a click goes on from there.
LOOKED_AT = 10_000
SOURCES_MAX = 2_000
_END = (LATEST, "", "", UUID(int=0))


async def find_events(
    tx: Tx, search: Search, *, customer_id: UUID | None, after: str | None = None, limit: int = 50
) -> LogPage:
    """The events of one customer, or of everybody, newest event time first.

    Raises `InvalidInput` for a cursor that is none.
    """
    if search.id:
        return LogPage(tuple(await _of_id(tx, search, customer_id, limit)))
    bounds = (search.start or EARLIEST, search.end or LATEST)
    looked_at = LOOKED_AT if search.is_narrow else limit + 1
    found, last = await store.find(tx, customer_id, search, bounds, _place(after), (looked_at, limit + 1))
    if len(found) > limit:
        return LogPage(tuple(found[:limit]), _cursor(found[limit - 1]))
    if last is not None and search.is_narrow:
        return LogPage(tuple(found), _cursor(last), last.occurred_at)
    return LogPage(tuple(found))


async def _of_id(tx: Tx, search: Search, customer_id: UUID | None, limit: int) -> list[LoggedEvent]:
    start, end = search.start or EARLIEST, search.end or LATEST
    return [
        each
        for each in await store.find_id(tx, customer_id, search.id, SOURCES_MAX, limit)
        if search.source in ("", each.source)
        and search.type in ("", each.type)
        and search.subject in ("", each.subject)
        and start <= each.occurred_at < end
    ]


async def find_event(tx: Tx, *, customer_id: UUID | None, tenant: UUID, source: str, id: str) -> FullEvent | None:
    """One event by its identity; None also when it is another customer's."""
    return await store.event(tx, customer_id, tenant, source, id)


def _cursor(event: LoggedEvent) -> str:
    return encode_cursor([event.occurred_at.isoformat(), event.source, event.id, event.tenant.hex])


def _place(after: str | None) -> tuple[datetime, str, str, UUID]:
    if not after:
        return _END
    at, source, id, tenant = decode_cursor(after, 4)
    try:
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is not None:
            return instant, source, id, UUID(tenant)
    except (ValueError, OverflowError):
        pass
    rule = "must be the `next` of a page of this list"
    raise InvalidInput(f"cursor {rule}", errors=[FieldError("query/cursor", rule)])
