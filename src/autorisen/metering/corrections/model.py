"""Corrections of events, and what they change. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.metering.model import Event

REASON_LIMIT = 500
CORRECTIONS_LIMIT = 10_000

Kind = Literal["void", "amend"]


@dataclass(frozen=True)
class Correction:
    """Let the event of this identity count no more (`void`), or as `amended` says, whoever sent it.

    An event that was voided counts again once it is amended. `amended` has the same source and id; without a time it
    keeps the one that counts now, or as it was sent.
    """

    tenant: UUID
    source: str
    id: str
    kind: Kind
    reason: str
    amended: Event | None = None


@dataclass(frozen=True)
class Content:
    """What an event says and whom it counts for. `customer_id` is None while its subject is nobody's."""

    type: str
    subject: str
    customer_id: UUID | None
    occurred_at: datetime
    data_json: str


@dataclass(frozen=True)
class Standing:
    """An event as it was sent, and as it counts now: `counts` is None once it is voided."""

    sent: Content
    counts: Content | None
    revision: int


@dataclass(frozen=True)
class Revision:
    """One correction as it is kept."""

    revision: int
    kind: Kind
    actor: str
    reason: str
    corrected_at: datetime
    call_id: UUID
    amended: Content | None

    @property
    def public_id(self) -> str:
        return public_id("cor", self.call_id)


@dataclass(frozen=True)
class CorrectedUsage:
    """A correction of a customer's usage as its past tells it: of one event, or of all that a backfill took back.

    `tenant`, `source` and `event_id` are those of the event, or of the first of `events`.
    """

    id: UUID
    at: datetime
    kind: Kind
    actor: str
    reason: str
    tenant: UUID
    source: str
    event_id: str
    events: int


@dataclass(frozen=True)
class Adjustment:
    """What the corrections of one call changed in one hour of one meter, customer and combination of dimensions."""

    meter: str
    customer_id: UUID
    hour: datetime
    dimensions: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class CorrectionReceipt:
    """What became of a call. `unchanged` were corrected so before. It holds once the transaction commits."""

    call_id: UUID
    voided: int
    amended: int
    unchanged: int
    adjustments: tuple[Adjustment, ...]

    @property
    def public_id(self) -> str:
        return public_id("cor", self.call_id)
