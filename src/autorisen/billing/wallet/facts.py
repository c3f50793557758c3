"""What happened to prepaid credits, in the past tense. Recorded in the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from autorisen.kit.work import Fact


@dataclass(frozen=True)
class CreditsGranted(Fact):
    """A customer has credits that were not there before. `kind` is a `GrantKind`."""

    grant_id: UUID
    customer_id: UUID
    kind: str
    amount_minor: int
    currency: str
    expires_at: datetime | None


@dataclass(frozen=True)
class CreditsFell(Fact):
    """A customer's balance went down by use or by time."""

    customer_id: UUID
    currency: str
    before_minor: int
    after_minor: int
