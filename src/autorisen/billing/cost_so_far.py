"""What the running period has cost so far, and what the next invoice would say: rated as the close rates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, payments, subscriptions
from autorisen.billing.build_invoice import Fee, billable_now, fee_line, usage_line
from autorisen.billing.draft_invoice import draft_close, fee_between, rating_terms
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.find_late_usage import find_late_usage
from autorisen.billing.model import Draft, Interval, Line, LineKind, TaxTerms, TaxTreatment, sum_of
from autorisen.billing.rate_period import PREVIEW, RatingTerms, rate_period
from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.kit.settings import Settings

# The costs are shown VAT contained; how much of it is VAT is said by the invoice.
_NO_TAX = TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0))


@dataclass(frozen=True)
class CostSoFar:
    """The cost of the running period: its flat fee, if any, and its usage until now. `total` is the sum of `lines`."""

    customer_id: UUID
    plan_name: str
    interval: Interval
    currency: str
    start_at: datetime
    end_at: datetime
    lines: tuple[Line, ...]
    total: Money

    @property
    def usage_total(self) -> Money:
        """The part that the next invoice will ask for; the fee was paid ahead."""
        return sum_of((line.amount for line in self.lines if line.kind is LineKind.USAGE), self.currency)


async def cost_so_far(tx: Tx, *, customer_id: UUID, now: datetime) -> CostSoFar:
    """The exact cost of the period that runs now. Raises `SubscriptionMissing`."""
    found = await subscriptions.standing_of(tx, customer_id, now)
    if found is None:
        raise SubscriptionMissing("the account is being set up; try again in a moment")
    standing, plan, currency = found
    if standing.kind != "paid" and standing.plan_version_id is not None:
        plan = subscriptions.plan_charged_in(await catalog.plan_version(tx, standing.plan_version_id), standing.charged)
    terms = RatingTerms(PREVIEW, customer_id, plan, currency, standing.interval, standing.start_at, standing.end_at)
    free = standing.charged != "paid"
    fee = None if free else fee_between(plan, currency, standing.interval, standing.start_at, standing.end_at)
    lines = [] if fee is None else [fee_line(fee, _NO_TAX)]
    lines += [usage_line(rated, _NO_TAX) for rated in await rate_period(tx, terms, at=now)]
    return CostSoFar(
        customer_id=customer_id,
        plan_name=plan.name,
        interval=standing.interval,
        currency=currency,
        start_at=standing.start_at,
        end_at=standing.end_at,
        lines=tuple(lines),
        total=sum_of((line.amount for line in lines), currency),
    )


async def next_invoice(tx: Tx, settings: Settings, *, customer_id: UUID, now: datetime) -> Draft | None:
    """What the next invoice would say if its period ended with the usage of now. None without a subscription."""
    subscription = await subscriptions.subscription_of(tx, customer_id)
    if subscription is None:
        return None
    period = await subscriptions.current_period(tx, subscription.id)
    terms = await rating_terms(tx, period, subscription.currency)
    usage = await rate_period(tx, terms, at=now)
    late = await find_late_usage(tx, customer_id=customer_id, currency=terms.currency, at=now)
    fee = await _following_fee(tx, subscription, period)
    corrections = billable_now(usage=usage, late=late, fee=fee, currency=terms.currency)
    return await draft_close(tx, settings, subscription, terms, usage=usage, late=corrections, fee=fee, at=now)


async def _following_fee(tx: Tx, subscription: subscriptions.Subscription, period: subscriptions.Period) -> Fee | None:
    """The fee of what follows the period; after a trial only where a saved card will pay it."""
    after = subscriptions.following(subscription, period)
    if after is None and subscription.status is subscriptions.Status.TRIALING:
        if subscription.cancel_at_period_end or await payments.default_method(tx, subscription.customer_id) is None:
            return None
        after = subscriptions.Following(replace(subscription, anchor_at=period.end_at), 1, "paid")
    if after is None or after.kind != "paid":
        return None
    goes_on = after.subscription
    end_at = subscriptions.next_period_end(goes_on.anchor_at, after.interval, after.ordinal, goes_on.time_zone)
    plan = await catalog.plan_version(tx, goes_on.plan_version_id)
    return fee_between(plan, goes_on.currency, after.interval, period.end_at, end_at)
