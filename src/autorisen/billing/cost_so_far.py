"""What the running period has cost so far: rated as the close rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import catalog, subscriptions
from autorisen.billing.build_draft import fee_between
from autorisen.billing.build_invoice import fee_line, usage_line
from autorisen.billing.errors import SubscriptionMissing
from autorisen.billing.model import Interval, Line, LineKind, TaxTerms, TaxTreatment, sum_of
from autorisen.billing.rate_period import rate_period
from autorisen.billing.rate_usage import PREVIEW, RatingTerms
from autorisen.kit.database import Tx
from autorisen.kit.money import Money

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
