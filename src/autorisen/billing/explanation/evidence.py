"""The evidence file of an invoice or a credit note: JSON Lines down to the event, made as it is read.

The last record says how many there were, so that a file that broke off shows it. Two readings of it are the same bytes
as long as no event came meanwhile; after one only the days, which are as they are now, differ.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from pydantic import BaseModel

from autorisen import catalog, metering
from autorisen.billing.credit_notes.read_credit_notes import CreditDocument
from autorisen.billing.credit_notes.views import credit_note_view
from autorisen.billing.explanation.explain_invoice import Explanation, explain
from autorisen.billing.explanation.views import event_view, explanation_view
from autorisen.billing.model import Invoice
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.views import invoice_view
from autorisen.kit.database import Database, Tx

EVENTS_SHOWN = 25
# A page looks at so many events for those of its line.
EVENTS_LOOKED_AT = 2_000


async def evidence(database: Database, invoice: Invoice) -> AsyncIterator[bytes]:
    """The invoice, then each line with its reasons, its days, the levels that it began with, and its events."""
    async for each in _records(database, invoice, None):
        yield each


async def credit_evidence(database: Database, document: CreditDocument) -> AsyncIterator[bytes]:
    """The credit note, then the invoice that it takes back as far as it concerns it."""
    async for each in _records(database, document.invoice, document):
        yield each


async def _records(database: Database, invoice: Invoice, document: CreditDocument | None) -> AsyncIterator[bytes]:
    taken = None if document is None else {each.line.id for each in document.note.lines}
    lines = events = 0
    # One moment for the whole file, and as long as its reader takes.
    async with metering.snapshot(database) as tx:
        if document is not None:
            yield _record("credit_note", credit_note_view(document.note))
        yield _record("invoice", invoice_view(invoice))
        for each in await explain(tx, invoice):
            if taken is not None and each.line.id not in taken:
                continue
            lines += 1
            view = explanation_view(each)
            yield _record("line", view)
            for use in await levels_behind(tx, each):
                yield _record("level", event_view(use), line=view.line.id)
            async for use in uses_behind(tx, each):
                events += 1
                yield _record("event", event_view(use), line=view.line.id)
    yield _line({"record": "end", "lines": lines, "events": events})


async def uses_behind(
    tx: Tx, explanation: Explanation, *, looked_at: int | None = None
) -> AsyncIterator[metering.CountedUse]:
    """Every event that counted in a line of usage when it was rated, in the order of time. Read it to its end."""
    rated, price = explanation.rated, explanation.price
    if rated is None:
        return
    assert isinstance(price, catalog.UsagePrice), "usage was rated by a price of usage"
    async for use in metering.counted_uses(
        tx,
        customer_id=rated.customer_id,
        meter=rated.meter,
        start=rated.period_start,
        end=rated.period_end,
        at=rated.rated_at,
        looked_at=looked_at,
    ):
        if _is_of(price, rated, use):
            yield use


async def levels_behind(tx: Tx, explanation: Explanation) -> list[metering.CountedUse]:
    """What the levels of a time-weighted line stood at when its period began: the last change of each before it."""
    rated, price = explanation.rated, explanation.price
    if rated is None:
        return []
    assert isinstance(price, catalog.UsagePrice), "usage was rated by a price of usage"
    found = await metering.levels_before(
        tx, customer_id=rated.customer_id, meter=rated.meter, start=rated.period_start, at=rated.rated_at
    )
    return [each for each in found if _is_of(price, rated, each)]


def _is_of(price: catalog.UsagePrice, rated: RatedUsage, use: metering.CountedUse) -> bool:
    """Whether the use is of the cell that was rated."""
    return price.cell_of(dict(use.group)) == (rated.cell or catalog.Cell())


async def first_uses(tx: Tx, explanation: Explanation) -> tuple[metering.CountedUse, ...]:
    """The first events behind a line, for a page."""
    found = [each async for each in uses_behind(tx, explanation, looked_at=EVENTS_LOOKED_AT)]
    return tuple(found[:EVENTS_SHOWN])


def _record(name: str, view: BaseModel, **more: object) -> bytes:
    return _line({"record": name, **more, **view.model_dump(mode="json")})


def _line(record: dict[str, Any]) -> bytes:
    return msgspec.json.encode(record) + b"\n"
