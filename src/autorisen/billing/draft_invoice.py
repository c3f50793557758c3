"""Drafts of first fees and of upgrades: what an invoice would say now. `closing` drafts those of a period's end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.build_draft import empty_draft, fee_between
from autorisen.billing.build_invoice import Fee, fee_line, upgrade_lines
from autorisen.billing.coupons import redemptions_of, with_discounts
from autorisen.billing.model import Draft, Purpose
from autorisen.billing.parties import supplier_party
from autorisen.kit.database import Tx
from autorisen.kit.settings import Settings


async def fee_of(tx: Tx, period: subscriptions.Period, currency: str) -> Fee | None:
    """The flat fee of a period; None when its plan is free."""
    plan = await catalog.plan_version(tx, period.plan_version_id)
    return fee_between(plan, currency, period.interval, period.start_at, period.planned_end_at)


async def draft_start(
    tx: Tx, settings: Settings, subscription: subscriptions.Subscription, period_id: UUID, fee: Fee, at: datetime
) -> Draft:
    """The invoice of a first period's fee."""
    empty = await _empty(tx, settings, subscription, period_id, Purpose.START, at)
    draft = replace(empty, lines=(fee_line(fee, empty.tax_terms),))
    return with_discounts(draft, await redemptions_of(tx, draft.customer_id), fee.plan_key)


async def draft_upgrade(
    tx: Tx,
    settings: Settings,
    subscription: subscriptions.Subscription,
    period_id: UUID,
    *,
    new_fee: Fee,
    paid_fee: Fee | None,
    at: datetime,
) -> Draft:
    """The invoice of a plan change: the new fee, less the unused part of what was paid."""
    empty = await _empty(tx, settings, subscription, period_id, Purpose.UPGRADE, at)
    lines = upgrade_lines(new_fee=new_fee, paid_fee=paid_fee, at=at, terms=empty.tax_terms)
    draft = replace(empty, lines=lines)
    return with_discounts(draft, await redemptions_of(tx, draft.customer_id), new_fee.plan_key)


async def _empty(
    tx: Tx,
    settings: Settings,
    subscription: subscriptions.Subscription,
    period_id: UUID,
    purpose: Purpose,
    at: datetime,
) -> Draft:
    customer = await accounts.customer(tx, subscription.customer_id)
    supplier = supplier_party(settings, at)
    return empty_draft(subscription, customer, supplier, period_id=period_id, purpose=purpose, at=at)
