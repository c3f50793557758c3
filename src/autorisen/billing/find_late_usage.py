"""Usage that came to light after its period was billed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, subscriptions
from autorisen.billing import store_rated
from autorisen.billing.build_invoice import LateUsage
from autorisen.billing.model import Closing
from autorisen.billing.rate_period import PREVIEW, RatingTerms, rate_period, served_share
from autorisen.billing.rated_usage import RatedUsage
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

# How many closed periods are looked at again. Older corrections are a matter for a person and a credit note.
CLOSED_PERIODS_LOOKED_AT = 13


async def find_late_usage(
    tx: Tx, *, customer_id: UUID, currency: str, at: datetime, new_id: Callable[[], UUID] = lambda: PREVIEW
) -> tuple[LateUsage, ...]:
    """Every rating of a closed period that is no longer what its events say, oldest period first; nothing is stored."""
    found: list[LateUsage] = []
    closings = await store_rated.recent_closings(
        tx, customer_id=customer_id, currency=currency, limit=CLOSED_PERIODS_LOOKED_AT
    )
    for closing in reversed(closings):
        terms = await terms_of(tx, closing)
        billed = await store_rated.latest_rated(tx, closing.period_id)
        for now in await rate_period(tx, terms, at=at, new_id=new_id, with_unused=True):
            before = billed.get((now.meter, now.cell)) or _nothing(now)
            if before is not None and (now.quantity, now.amount) != (before.quantity, before.amount):
                found.append(LateUsage(before, replace(now, revision=before.revision + 1)))
    return tuple(found)


def _nothing(now: RatedUsage) -> RatedUsage | None:
    """What was billed of a cell that had no use when its meter was rated; every whole meter has a rating."""
    if now.cell is None:
        return None
    zero = Decimal(0)
    return replace(
        now, revision=0, quantity=zero, events=0, included=zero, billable=zero, amount=Money.zero(now.amount.currency)
    )


async def terms_of(tx: Tx, closing: Closing) -> RatingTerms:
    """The terms under which a closed period was rated."""
    plan = subscriptions.plan_charged_in(await catalog.plan_version(tx, closing.plan_version_id), closing.kind)
    terms = RatingTerms(
        period_id=closing.period_id,
        customer_id=closing.customer_id,
        plan=plan,
        currency=closing.currency,
        interval=closing.interval,
        start_at=closing.period_start,
        end_at=closing.period_end,
    )
    if any(price.minimum is not None for price in plan.usage_prices(closing.currency)):
        return replace(terms, share=served_share(await subscriptions.period(tx, closing.period_id)))
    return terms
