"""What Lago tells apart that we keep elsewhere. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

# A transaction id is unique within a subscription, so each subscription is a source of its own.
SOURCE = "lago/"

# The extension attribute that keeps `precise_total_amount_cents`.
AMOUNT = "precisetotalamountcents"


@dataclass(frozen=True)
class KeptEvent:
    """A stored event as Lago shows it."""

    transaction_id: str
    external_subscription_id: str
    code: str
    customer_id: UUID | None
    timestamp: datetime
    properties_json: str
    precise_total_amount_cents: str | None
    created_at: datetime
