"""Whose time is asked about. Pure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Stretch(msgspec.Struct, frozen=True):
    """A customer's time from `start` up to, not including, `end`."""

    customer_id: UUID
    start: datetime
    end: datetime
