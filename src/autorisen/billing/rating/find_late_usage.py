"""Usage that came to light after its period was billed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen import catalog, metering, subscriptions
from autorisen.billing.build_invoice import LateUsage
from autorisen.billing.model import Closing
from autorisen.billing.rating import store as store_rated
from autorisen.billing.rating.late_usage import BilledPeriod, late_usage
from autorisen.billing.rating.rate_period import usage_of
from autorisen.billing.rating.rate_usage import PREVIEW, RatingTerms, served_share
from autorisen.kit.database import Tx

# How many closed periods are looked at again. Older corrections are a matter for a person and a credit note.
CLOSED_PERIODS_LOOKED_AT = 13


async def find_late_usage(
    tx: Tx, *, customer_id: UUID, currency: str, at: datetime, new_id: Callable[[], UUID] = lambda: PREVIEW
) -> tuple[LateUsage, ...]:
    """Every rating of a closed period that is no longer what its events say, oldest period first; nothing is stored."""
    names = {meter.key: meter.name for meter in await metering.meters(tx)}
    periods = await billed_periods(tx, [(customer_id, currency)])
    return late_usage(periods[customer_id, currency], names, at=at, new_id=new_id)


async def billed_periods(
    tx: Tx, payers: Collection[tuple[UUID, str]]
) -> Mapping[tuple[UUID, str], tuple[BilledPeriod, ...]]:
    """The last closed periods of these customers in these currencies, oldest first, as billed and as used."""
    closings = await store_rated.recent_closings(tx, payers, limit=CLOSED_PERIODS_LOOKED_AT)
    terms = await terms_of(tx, closings)
    billed = await store_rated.latest_rated(tx, [each.period_id for each in closings])
    used = await usage_of(tx, terms)
    found: dict[tuple[UUID, str], list[BilledPeriod]] = {payer: [] for payer in payers}
    for each, usage in zip(terms, used, strict=True):
        period = BilledPeriod(each, billed.get(each.period_id, {}), usage)
        found[each.customer_id, each.currency].append(period)
    return {payer: tuple(periods) for payer, periods in found.items()}


async def terms_of(tx: Tx, closings: Sequence[Closing]) -> list[RatingTerms]:
    """The terms under which closed periods were rated, in the same order."""
    plans = await catalog.plan_versions_by_id(tx, {each.plan_version_id for each in closings})
    terms = [
        RatingTerms(
            period_id=each.period_id,
            customer_id=each.customer_id,
            plan=subscriptions.plan_charged_in(plans[each.plan_version_id], each.kind),
            currency=each.currency,
            interval=each.interval,
            start_at=each.period_start,
            end_at=each.period_end,
        )
        for each in closings
    ]
    cut = [each.period_id for each in terms if _has_minimum(each)]
    periods = await subscriptions.periods_by_id(tx, cut) if cut else {}
    return [
        replace(each, share=served_share(periods[each.period_id])) if each.period_id in periods else each
        for each in terms
    ]


def _has_minimum(terms: RatingTerms) -> bool:
    """Only a minimum depends on how much of the planned time was served."""
    return any(price.minimum is not None for price in terms.plan.usage_prices(terms.currency))
