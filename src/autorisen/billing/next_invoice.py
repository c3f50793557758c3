"""What a customer's next invoice will say if nothing more is used: decided by the code that closes periods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from autorisen import payments, subscriptions
from autorisen.billing import wallet
from autorisen.billing.closing import closes_at, decide_closing, load_closings
from autorisen.billing.model import Draft, sum_of
from autorisen.billing.rating.rate_usage import PREVIEW
from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.kit.settings import Settings


@dataclass(frozen=True)
class NextInvoice:
    """The next invoice so far. `period` is the time whose end it bills; `credits` is what prepaid credits pay of it.

    Where no line has an amount none is issued; then `draft` says what is inside the allowance.
    """

    draft: Draft
    period: subscriptions.Period
    issued_at: datetime
    credits: Money

    @property
    def amount_due(self) -> Money:
        """What is left to be paid in another way; nothing where nothing is issued."""
        return max(self.draft.total - self.credits, Money.zero(self.draft.currency))


async def next_invoice(tx: Tx, settings: Settings, *, customer_id: UUID, now: datetime) -> NextInvoice | None:
    """The invoice that the customer's periods lead to next, with the usage of now. None without a subscription.

    A period that was cut short by a change is closed before the one that runs, so its invoice comes first.
    """
    if await subscriptions.subscription_of(tx, customer_id) is None:
        return None
    found = None
    for period in await subscriptions.open_periods_of(tx, customer_id):
        found = await _at_the_end_of(tx, settings, period, now)
        if found.draft.has_amounts:
            break
    return found


async def _at_the_end_of(tx: Tx, settings: Settings, period: subscriptions.Period, now: datetime) -> NextInvoice:
    at = max(now, closes_at(period.end_at, settings))
    (over,) = await subscriptions.ended_periods(tx, [period.id], at=at)
    if await _is_paid_on(tx, over):
        # The first fee is invoiced with the end of the trial, before that is closed.
        at = max(now, period.end_at)
        over = replace(over, following=subscriptions.paid_time_after(over.subscription, period, PREVIEW))
    rules, (state,) = await load_closings(tx, settings, [over], at=at)
    draft = decide_closing(state, rules, new_id=lambda: PREVIEW).draft
    return NextInvoice(draft, period, at, await _credits_for(tx, draft, at))


async def _is_paid_on(tx: Tx, over: subscriptions.EndedPeriod) -> bool:
    """Whether it is a trial that goes on as paid time: a saved card will pay it."""
    if over.subscription.status is not subscriptions.Status.TRIALING or over.subscription.cancel_at_period_end:
        return False
    return over.following is None and await payments.default_method(tx, over.period.customer_id) is not None


async def _credits_for(tx: Tx, draft: Draft, at: datetime) -> Money:
    """What the credits that the customer has now, and that live until then, will pay."""
    grants = await wallet.grants_left(tx, [draft.customer_id])
    same = (grant for grant in grants if grant.amount.currency == draft.currency)
    return sum_of((draw.amount for draw in wallet.plan_draws(same, draft.total, at)), draft.currency)
