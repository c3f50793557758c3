"""What the running period has cost so far, and what the next invoice would say: rated as the close rates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, payments, subscriptions
from autorisen.billing.build_draft import fee_between
from autorisen.billing.build_invoice import fee_line, usage_line
from autorisen.billing.closing.decide_closing import decide_closing
from autorisen.billing.closing.load_closings import load_closings
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.model import Draft, Interval, Line, LineKind, TaxTerms, TaxTreatment, sum_of
from autorisen.billing.rate_period import rate_period
from autorisen.billing.rate_usage import PREVIEW, RatingTerms
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
    (over,) = await subscriptions.ended_periods(tx, [period.id], at=now)
    if subscription.status is subscriptions.Status.TRIALING and not subscription.cancel_at_period_end:
        over = await _after_trial(tx, over)
    rules, (state,) = await load_closings(tx, settings, [over], at=now)
    return decide_closing(state, rules, new_id=lambda: PREVIEW).draft


async def _after_trial(tx: Tx, over: subscriptions.EndedPeriod) -> subscriptions.EndedPeriod:
    """A trial goes on as paid time where a saved card will pay it."""
    if over.following is not None or await payments.default_method(tx, over.period.customer_id) is None:
        return over
    return replace(over, following=subscriptions.paid_time_after(over.subscription, over.period, PREVIEW))
