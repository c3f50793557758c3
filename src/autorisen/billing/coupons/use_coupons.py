"""Note which invoices used which coupons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from autorisen.billing.coupons import store
from autorisen.billing.model import Draft, Invoice
from autorisen.kit.database import Tx
from autorisen.kit.unit import Unit


@dataclass(frozen=True)
class CouponUse:
    """What a coupon took off a period's invoice; without one where nothing was left to ask for."""

    redemption_id: UUID
    period_id: UUID
    invoice_id: UUID | None
    amount_minor: int


def uses_of(claim: Draft | Invoice, invoice_id: UUID | None) -> list[CouponUse]:
    """The uses that the discount lines of a draft or an invoice stand for. Pure."""
    return [
        CouponUse(line.redemption_id, claim.period_id, invoice_id, -line.amount.minor)
        for line in claim.lines
        if line.redemption_id is not None
    ]


async def use_coupons(unit: Unit, uses: Sequence[CouponUse]) -> None:
    """Count the uses. Raises what the constraint raises when one is used more often than it may."""
    if uses:
        await store.insert_uses(unit.tx, [_row(use) for use in uses], unit.now)


async def spent_coupon(tx: Tx, invoice_id: UUID) -> str | None:
    """The code of a coupon in a draft that other invoices have used up since; None when all can still be used."""
    for found in await store.redemptions_in(tx, invoice_id):
        if found.is_spent:
            return found.code
    return None


def _row(use: CouponUse) -> dict[str, str | int | None]:
    return {
        "redemption_id": str(use.redemption_id),
        "period_id": str(use.period_id),
        "invoice_id": None if use.invoice_id is None else str(use.invoice_id),
        "amount_minor": use.amount_minor,
    }
