"""What the running period has cost so far: rated as the close rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, subscriptions
from autorisen.billing.addons.addon_lines import AddonTime, addon_lines
from autorisen.billing.build_draft import fee_between
from autorisen.billing.build_invoice import fee_line, usage_line
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.model import Interval, Line, LineKind, TaxTerms, TaxTreatment, sum_of
from autorisen.billing.rating.rate_period import rate_period
from autorisen.billing.rating.rate_usage import PREVIEW, RatingTerms
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

# The costs are shown VAT contained; how much of it is VAT is said by the invoice.
_NO_TAX = TaxTerms(TaxTreatment.NOT_REGISTERED, Decimal(0))


@dataclass(frozen=True)
class CostSoFar:
    """The cost of the running period: its fee, if any, its usage and add-ons until now. `total` is the sum."""

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
        """What the use beyond the allowances costs."""
        return sum_of((line.amount for line in self.lines if line.kind is LineKind.USAGE), self.currency)

    @property
    def on_next_invoice(self) -> Money:
        """All but the fee, which was paid ahead."""
        return sum_of((line.amount for line in self.lines if line.kind is not LineKind.FLAT_FEE), self.currency)


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
    if not free:
        lines += await _addons(tx, terms, now)
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


async def _addons(tx: Tx, terms: RatingTerms, now: datetime) -> tuple[Line, ...]:
    """What the add-ons have cost until now."""
    subscription = await subscriptions.subscription_of(tx, terms.customer_id)
    assert subscription is not None, "who has terms is subscribed"
    changes = await subscriptions.addon_changes(tx, subscription.id)
    time = AddonTime(terms.start_at, now, terms.end_at)
    return addon_lines(terms.plan, changes, time, currency=terms.currency, interval=terms.interval, terms=_NO_TAX)
