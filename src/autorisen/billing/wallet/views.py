"""Prepaid credits as the machine interface shows them. Amounts are cents."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from autorisen.billing.wallet.model import AutomaticTopUp, Grant, GrantKind, Movement, MovementKind, MovementRow
from autorisen.billing.wallet.read_wallet import Wallet
from autorisen.kit.ids import public_id


class CreditsUsedView(BaseModel):
    """What prepaid credits paid of an invoice, by grant; negative when a void invoice gave it back."""

    grant: str
    amount_minor: int
    at: datetime


class GrantView(BaseModel):
    """Credits from one source. `priority` is 0 to 100, lower is drawn first; without `expires_at` they never expire."""

    id: str
    customer: str
    kind: GrantKind
    priority: int
    currency: str
    amount_minor: int
    remaining_minor: int
    reason: str
    granted_at: datetime
    expires_at: datetime | None


class AutomaticTopUpView(BaseModel):
    """Below `threshold_minor` the saved card is charged `amount_minor`, at most `per_day` times in 24 hours.

    `off_because` says why it was switched off when the customer did not do it.
    """

    enabled: bool
    threshold_minor: int
    amount_minor: int
    currency: str
    per_day: int
    failures: int
    off_because: str


class WalletView(BaseModel):
    """What can be spent now, in the currency of the customer's invoices, and the grants in the order of drawing."""

    customer: str
    currency: str
    balance_minor: int
    grants: list[GrantView]
    automatic_top_up: AutomaticTopUpView | None


class MovementView(BaseModel):
    """One change of a grant; negative takes from it. `invoice` is what was paid, or given back."""

    id: str
    grant: str
    grant_kind: GrantKind
    kind: MovementKind
    amount_minor: int
    currency: str
    invoice: str | None
    invoice_number: str | None
    reason: str
    at: datetime


class MovementList(BaseModel):
    """Newest first; `next` is the `after` of the following page, or null."""

    movements: list[MovementView]
    next: str | None


class TopUpCheckoutView(BaseModel):
    """Where to send the payer."""

    id: str
    url: str
    expires_at: datetime


class RefundView(BaseModel):
    """What is on its way back to the card."""

    grant: str
    amount_minor: int
    currency: str


def wallet_view(wallet: Wallet) -> WalletView:
    return WalletView(
        customer=wallet.customer.public_id,
        currency=wallet.customer.currency,
        balance_minor=wallet.balance.minor,
        grants=[grant_view(each) for each in (*wallet.usable, *wallet.past)],
        automatic_top_up=None if wallet.automatic is None else automatic_view(wallet.automatic),
    )


def grant_view(grant: Grant) -> GrantView:
    return GrantView(
        id=grant.public_id,
        customer=public_id("cus", grant.customer_id),
        kind=grant.kind,
        priority=grant.priority,
        currency=grant.amount.currency,
        amount_minor=grant.amount.minor,
        remaining_minor=grant.remaining.minor,
        reason=grant.reason,
        granted_at=grant.granted_at,
        expires_at=grant.expires_at,
    )


def automatic_view(setting: AutomaticTopUp) -> AutomaticTopUpView:
    return AutomaticTopUpView(
        enabled=setting.enabled,
        threshold_minor=setting.threshold.minor,
        amount_minor=setting.amount.minor,
        currency=setting.amount.currency,
        per_day=setting.per_day,
        failures=setting.failures,
        off_because=setting.off_because,
    )


def movement_view(row: MovementRow) -> MovementView:
    movement = row.movement
    return MovementView(
        id=public_id("crm", movement.id),
        grant=public_id("crd", movement.grant_id),
        grant_kind=row.grant_kind,
        kind=movement.kind,
        amount_minor=movement.amount.minor,
        currency=movement.amount.currency,
        invoice=None if movement.invoice_id is None else public_id("inv", movement.invoice_id),
        invoice_number=row.invoice_number,
        reason=movement.reason,
        at=movement.at,
    )


def credits_used_view(movement: Movement) -> CreditsUsedView:
    return CreditsUsedView(
        grant=public_id("crd", movement.grant_id), amount_minor=-movement.amount.minor, at=movement.at
    )
