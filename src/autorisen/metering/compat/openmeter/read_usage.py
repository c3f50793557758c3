"""Meters, usage and events, read for OpenMeter's clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from uuid import UUID

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput, NotFound
from autorisen.metering import usage
from autorisen.metering.compat.openmeter import store
from autorisen.metering.compat.openmeter.model import (
    CUSTOMER,
    SUBJECT,
    EventQuestion,
    IngestedEvent,
    MeterQuestion,
    MeterRow,
    WindowSize,
)
from autorisen.metering.compat.openmeter.translate import slug_of
from autorisen.metering.model import Group, MeterDefinition
from autorisen.metering.usage import BucketSize

_BUCKETS: Mapping[WindowSize, BucketSize] = {
    "MINUTE": "minute",
    "HOUR": "hour",
    "DAY": "day",
    "MONTH": "month",
}


async def meters(tx: Tx) -> list[tuple[MeterDefinition, datetime]]:
    """All meters with the time when they changed last."""
    changes = await store.select_changes(tx)
    return [(meter, changes[meter.key]) for meter in await usage.meters(tx)]


async def meter(tx: Tx, name: str) -> tuple[MeterDefinition, datetime]:
    """The meter of that id (our key) or slug. Raises `NotFound`."""
    known = await meters(tx)
    for by in (lambda key: key, slug_of):
        for each in known:
            if by(each[0].key) == name:
                return each
    raise NotFound(f"meter not found; known: {', '.join(slug_of(each.key) for each, _ in known) or 'none'}")


async def rows(tx: Tx, principal: Principal, key: str, question: MeterQuestion) -> list[MeterRow]:
    """The use of one meter by customer, group and window; where there was none there is no row."""
    found: list[MeterRow] = []
    for subject, customer_id in await _customers(tx, principal, question):
        shown_subject = subject if SUBJECT in question.group_by else None
        shown_customer = public_id("cus", customer_id) if CUSTOMER in question.group_by else None
        found += [
            MeterRow(value, start, end, shown_subject, shown_customer, group)
            for start, end, group, value in await _values(tx, customer_id, key, question)
        ]
    return found


async def _customers(tx: Tx, principal: Principal, question: MeterQuestion) -> list[tuple[str, UUID]]:
    """The customers that are asked for and that this key sees, by the word that was used for each."""
    names = question.subjects or question.customers
    if not names:
        own = principal.customer_id
        if own is None:
            rule = "is needed, or filterCustomerId: this key sees every customer"
            raise InvalidInput(f"subject {rule}", errors=[FieldError("query/subject", rule)])
        return [(customer.key, id) for id, customer in (await accounts.customers_by_id(tx, [own])).items()]
    found = await _visible(tx, principal, names)
    if question.subjects and question.customers:
        wanted = set((await _visible(tx, principal, question.customers)).values())
        found = {name: id for name, id in found.items() if id in wanted}
    return [(name, found[name]) for name in names if name in found]


async def _visible(tx: Tx, principal: Principal, names: Sequence[str]) -> dict[str, UUID]:
    found = await accounts.customer_ids_by_key(tx, names)
    return {name: id for name, id in found.items() if principal.sees(id)}


async def _values(
    tx: Tx, customer_id: UUID, key: str, question: MeterQuestion
) -> list[tuple[datetime, datetime, Group, Decimal]]:
    start, end, by, only = question.start, question.end, question.dimensions, question.only
    if question.window is None:
        totals = await usage.grouped_quantities(
            tx, customer_id=customer_id, start=start, end=end, keys=[key], group_by=by, only=only
        )
        return [(start, end, group, used.quantity) for (_, group), used in totals.items()]
    series = await usage.grouped_series(
        tx,
        customer_id=customer_id,
        start=start,
        end=end,
        keys=[key],
        bucket=_BUCKETS[question.window],
        time_zone=question.time_zone,
        group_by=by,
        only=only,
    )
    return [
        (bucket.start, following.start if following else end, group, bucket.quantity)
        for (_, group), buckets in series.items()
        for bucket, following in zip_longest(buckets, buckets[1:])
        if bucket.events or bucket.quantity
    ]


async def events(tx: Tx, principal: Principal, question: EventQuestion) -> list[IngestedEvent]:
    """Stored events, newest first, as far as this key sees them."""
    customers = None if principal.customer_id is None else [principal.customer_id]
    if question.customers is not None:
        customers = list((await _visible(tx, principal, question.customers)).values())
    return await store.select_events(tx, question, customers)
