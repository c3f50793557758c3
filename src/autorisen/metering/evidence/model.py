"""What is shown of the events behind a quantity. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from autorisen.metering.model import Group


@dataclass(frozen=True)
class AsOf:
    """The events of one type that counted of a customer from `start` up to `end`, by what was known `at`."""

    customer_id: UUID
    type: str
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True)
class CountedUse:
    """One event that a meter counted. `value` is what it measured there: a number, or the text that a `unique` meter
    tells apart."""

    source: str
    id: str
    occurred_at: datetime
    value: Decimal | str
    group: Group


@dataclass(frozen=True)
class Cause:
    """Why a quantity is no longer what it was: an event that came late, or one that was voided or amended since."""

    kind: Literal["late", "void", "amend"]
    source: str
    id: str
    occurred_at: datetime
    known_at: datetime
    reason: str
