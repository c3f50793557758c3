"""Rate past periods under their own prices and under those of a changed catalog, batch by batch. It only reads."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.build_draft import fee_between
from autorisen.billing.build_invoice import unused_part
from autorisen.billing.model import sum_of
from autorisen.billing.rating.rate_period import usage_of
from autorisen.billing.rating.rate_usage import PREVIEW, PeriodUsage, RatingTerms, rate_usage, terms_of_period
from autorisen.billing.what_if import store
from autorisen.billing.what_if.model import Outcome
from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput

EARLIEST_YEAR = 2000

Plans = Mapping[str, catalog.PlanVersion]


@dataclass(frozen=True)
class WhatIfBatch:
    """The outcomes of some customers; `next` is the `after` of the following batch, None at the end.

    `total` is how many customers there are in all, counted with the first batch only: it takes a look at every period.
    """

    outcomes: tuple[Outcome, ...]
    customers: int
    total: int | None
    next: UUID | None


@dataclass(frozen=True)
class _Priced:
    """A closed period with both of its plans; `changed` is None when the file does not sell that."""

    closed: store.ClosedPeriod
    period: subscriptions.Period
    plan: catalog.PlanVersion
    changed: catalog.PlanVersion | None


def months_back(now: datetime, months: int) -> datetime:
    """The same instant so many calendar months ago, on the last day of a shorter month."""
    index = now.year * 12 + now.month - 1 - months
    year, month = divmod(index, 12)
    return now.replace(year=year, month=month + 1, day=min(now.day, monthrange(year, month + 1)[1]))


def stretch_of(now: datetime, months: int, until: datetime | None) -> tuple[datetime, datetime]:
    """From when until when periods count that ended: so many months before `until`, or before now.

    Raises `InvalidInput` for an end that lies ahead, or before there was anything to bill.
    """
    if until is None:
        return months_back(now, months), now
    if until > now or until.year < EARLIEST_YEAR:
        raise InvalidInput(errors=[FieldError("/until", f"must be from {EARLIEST_YEAR} on, and not in the future")])
    until = until.astimezone(UTC)
    return months_back(until, months), until


async def what_if(
    tx: Tx,
    plans: Plans,
    *,
    since: datetime,
    until: datetime,
    only: Sequence[UUID] | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> WhatIfBatch:
    """What the periods that ended after `since` and until `until` cost, and would cost with these plans.

    The sums are of fees and usage, VAT included, before coupons and credits. `only` names the customers that count,
    all when left out.
    """
    total = await store.count_customers(tx, since=since, until=until, only=only) if after is None else None
    ids = await store.customers(tx, since=since, until=until, only=only, after=after, limit=limit + 1)
    page = ids[:limit]
    priced = await _load(tx, page, plans, since=since, until=until)
    outcomes = _outcomes(priced, await _prices(tx, priced), await accounts.customers_by_id(tx, page))
    return WhatIfBatch(outcomes, len(page), total, page[-1] if len(ids) > limit else None)


async def _load(
    tx: Tx, customer_ids: Sequence[UUID], plans: Plans, *, since: datetime, until: datetime
) -> list[_Priced]:
    closed = await store.closed_periods(tx, customer_ids, since=since, until=until)
    periods = await subscriptions.periods_by_id(tx, [each.period_id for each in closed])
    versions = await catalog.plan_versions_by_id(tx, {each.plan_version_id for each in periods.values()})
    found = []
    for each in closed:
        period = periods[each.period_id]
        plan = versions[period.plan_version_id]
        changed = plans.get(plan.plan_key)
        is_sold = changed is not None and changed.flat_price(each.currency, period.interval) is not None
        found.append(_Priced(each, period, plan, changed if is_sold else None))
    return found


async def _prices(tx: Tx, priced: Sequence[_Priced]) -> list[tuple[Money, Money] | None]:
    """What each period cost and would cost; None where the file does not sell its plan."""
    sold = [each for each in priced if each.changed is not None]
    before = [terms_of_period(each.period, each.plan, each.closed.currency) for each in sold]
    after = [
        terms_of_period(each.period, each.changed, each.closed.currency) for each in sold if each.changed is not None
    ]
    used = await usage_of(tx, [*before, *after])
    amounts = [
        price_of(terms, usage, each.period)
        for terms, usage, each in zip([*before, *after], used, [*sold, *sold], strict=True)
    ]
    pairs = iter(zip(amounts[: len(sold)], amounts[len(sold) :], strict=True))
    return [None if each.changed is None else next(pairs) for each in priced]


def price_of(terms: RatingTerms, usage: PeriodUsage, period: subscriptions.Period) -> Money:
    """The fee and the usage of a period; of a fee whose time was cut short, the part that was served. Pure."""
    rated = rate_usage(terms, usage, {}, at=period.end_at, new_id=lambda: PREVIEW)
    total = sum_of((each.amount for each in rated), terms.currency)
    fee = fee_between(terms.plan, terms.currency, period.interval, period.start_at, period.planned_end_at)
    if fee is None or period.kind != "paid":
        return total
    unused = unused_part(fee.amount, start_at=fee.start_at, end_at=fee.end_at, at=period.end_at)
    return total + fee.amount - unused


def _outcomes(
    priced: Sequence[_Priced],
    prices: Sequence[tuple[Money, Money] | None],
    customers: Mapping[UUID, accounts.Customer],
) -> tuple[Outcome, ...]:
    """One outcome for each customer and currency, in the order of the ids."""
    groups: dict[tuple[UUID, str], list[tuple[_Priced, tuple[Money, Money] | None]]] = {}
    for each, price in zip(priced, prices, strict=True):
        groups.setdefault((each.closed.customer_id, each.closed.currency), []).append((each, price))
    return tuple(
        Outcome(
            customer_id=customer_id,
            key=customers[customer_id].key,
            name=customers[customer_id].name,
            periods=len(rows),
            before=sum_of((price[0] for _, price in rows if price), currency),
            after=sum_of((price[1] for _, price in rows if price), currency),
            unsold=tuple(sorted({each.plan.plan_key for each, price in rows if price is None})),
        )
        for (customer_id, currency), rows in groups.items()
    )
