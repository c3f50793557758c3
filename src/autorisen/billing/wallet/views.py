"""Prepaid credits as the machine interface shows them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from autorisen.billing.wallet.model import Movement
from autorisen.kit.ids import public_id


class CreditsUsedView(BaseModel):
    """What prepaid credits paid of an invoice, by grant; negative when a void invoice gave it back."""

    grant: str
    amount_minor: int
    at: datetime


def credits_used_view(movement: Movement) -> CreditsUsedView:
    return CreditsUsedView(
        grant=public_id("crd", movement.grant_id), amount_minor=-movement.amount.minor, at=movement.at
    )
