"""What a closing depends on, and what it leads to. Pure.

What else decides on a period's end is a field of `ClosingState` (read for many periods by `load_closings`), a step in
`decide_closing`, and a field of `ClosingDecision` (written for many periods by `write_closings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen import catalog, subscriptions
from autorisen.billing.coupons.model import Redemption
from autorisen.billing.model import Closing, Draft, Party
from autorisen.billing.new_invoice import NewInvoice
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating.late_usage import BilledPeriod
from autorisen.billing.rating.rate_usage import PeriodUsage, RatingTerms


@dataclass(frozen=True)
class ClosingRules:
    """What is the same for all periods that are closed together. `uncounted` are meters that are not whole yet."""

    at: datetime
    supplier: Party
    meter_names: Mapping[str, str]
    uncounted: frozenset[str]
    plans: Mapping[UUID, catalog.PlanVersion]


@dataclass(frozen=True)
class ClosingState:
    """One period, and everything that decides on its closing. `earlier` are closed periods, oldest first."""

    over: subscriptions.EndedPeriod
    terms: RatingTerms
    usage: PeriodUsage
    earlier: tuple[BilledPeriod, ...]
    coupons: tuple[Redemption, ...] = ()
    addons: tuple[subscriptions.AddonChange, ...] = ()


@dataclass(frozen=True)
class ClosingDecision:
    """What closing a period writes. `rated` is the period's usage, then the revisions of earlier periods.

    `draft` says what the invoice would be; `invoice` is None when there is nothing to ask for. `fee_period_id` is the
    period whose flat fee the invoice bills.
    """

    closing: Closing
    renewal: subscriptions.Renewal
    rated: tuple[RatedUsage, ...]
    draft: Draft
    invoice: NewInvoice | None
    fee_period_id: UUID | None


@dataclass(frozen=True)
class Failure:
    """A period that could not be closed, and why."""

    period_id: UUID
    error: Exception
