"""Where a customer's subscription stands, as its billing page says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autorisen import catalog, payments, subscriptions
from autorisen.billing import store
from autorisen.billing.lifecycle.store import first_draft
from autorisen.billing.model import Interval
from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.subscriptions import Period, Status, Subscription


@dataclass(frozen=True)
class Planned:
    """What happens when the period is over. `plan_name`, `interval` and `fee` are those of a change."""

    what: str
    at: datetime
    plan_name: str = ""
    interval: Interval = "month"
    fee: Money | None = None


@dataclass(frozen=True)
class Waiting:
    """A wanted plan whose first payment has not come; `is_charging` while the saved card is being asked."""

    plan_name: str
    total: Money
    until: datetime
    is_charging: bool


@dataclass(frozen=True)
class Life:
    """What the customer is told about the subscription, and what it may do with it."""

    status: Status
    kind: subscriptions.PeriodKind
    planned: Planned | None
    waiting: Waiting | None
    pays_on: bool  # a trial that a saved card will pay on
    can_pause: bool
    can_cancel: bool

    @property
    def is_trial(self) -> bool:
        return self.status is Status.TRIALING

    @property
    def is_paused(self) -> bool:
        return self.status is Status.PAUSED

    @property
    def outlook(self) -> str:
        """What becomes of it by itself."""
        if self.planned is not None:
            then = {"cancel": "ends", "pause": "pauses", "change": f"becomes {self.planned.plan_name}"}
            return f"{then[self.planned.what]} with its period"
        if self.is_paused:
            return "on hold"
        if self.status is Status.PAST_DUE:
            return "goes on when what is due is paid"
        return "ends with its period" if self.is_trial and not self.pays_on else "renews by itself"


async def describe(tx: Tx, subscription: Subscription, period: Period, plan: catalog.PlanVersion) -> Life:
    """The same for the API and the pages: read from the stored subscription, decided nowhere else."""
    pays_on = (
        subscription.status is Status.TRIALING
        and not subscription.cancel_at_period_end
        and await payments.default_method(tx, subscription.customer_id) is not None
    )
    is_paid_plan = not plan.is_default
    return Life(
        status=subscription.status,
        kind=period.kind,
        planned=await _planned(tx, subscription, period),
        waiting=await _waiting(tx, subscription),
        pays_on=pays_on,
        can_pause=is_paid_plan and subscription.status in (Status.ACTIVE, Status.PAST_DUE),
        can_cancel=is_paid_plan,
    )


async def _planned(tx: Tx, subscription: Subscription, period: Period) -> Planned | None:
    if subscription.cancel_at_period_end:
        return Planned("cancel", period.end_at)
    if subscription.pause_at_period_end:
        return Planned("pause", period.end_at)
    if subscription.next_plan_version_id is None:
        return None
    plan = await catalog.plan_version(tx, subscription.next_plan_version_id)
    interval = subscription.next_interval or "month"
    price = plan.flat_price(subscription.currency, interval)
    return Planned("change", period.end_at, plan.name, interval, None if price is None else price.amount)


async def _waiting(tx: Tx, subscription: Subscription) -> Waiting | None:
    wanted = await subscriptions.wanted_subscription(tx, subscription.customer_id)
    draft_id = None if wanted is None else await first_draft(tx, wanted.id)
    invoice = None if draft_id is None else await store.find_invoice(tx, draft_id)
    if wanted is None or invoice is None:
        return None
    plan = await catalog.plan_version(tx, wanted.plan_version_id)
    attempts = await payments.payments_for(tx, invoice.reference)
    is_charging = any(each.is_live and each.kind == payments.PaymentKind.SAVED_METHOD for each in attempts)
    return Waiting(plan.name, invoice.total, invoice.created_at + subscriptions.FIRST_PAYMENT_WITHIN, is_charging)
