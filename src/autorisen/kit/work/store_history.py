"""SQL of what happened to one customer: facts and mails, newest first, from a place on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.kit.work.store import FactRow

# The names that are left out are those of the index.
FACTS_OF = """
SELECT id, name, payload, recorded_at FROM kit.facts
WHERE payload ->> 'customer_id' = %(customer_id)s::text AND payload ->> 'customer_id' IS NOT NULL
    AND name NOT IN ('PeriodOpened', 'PeriodCut', 'CreditsFell')
    AND (recorded_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY recorded_at DESC, id DESC LIMIT %(limit)s::int
"""
MAILS_TO = """
SELECT id, recipient, subject, created_at FROM kit.mails
WHERE recipient = ANY(%(recipients)s::text[])
    AND (created_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
ORDER BY created_at DESC, id DESC LIMIT %(limit)s::int
"""


@dataclass(frozen=True)
class SentMail:
    """A mail without its text."""

    id: UUID
    recipient: str
    subject: str
    created_at: datetime


async def facts_of(tx: Tx, customer_id: UUID, *, before: tuple[datetime, UUID], limit: int) -> list[FactRow]:
    """The facts about a customer that were recorded before a place, newest first."""
    values: dict[str, Any] = {"customer_id": str(customer_id), "limit": limit}
    async with tx.cursor(row_factory=class_row(FactRow)) as cursor:
        found = await cursor.execute(FACTS_OF, values | {"before_at": before[0], "before_id": before[1]})
        return await found.fetchall()


async def mails_to(tx: Tx, recipients: Sequence[str], *, before: tuple[datetime, UUID], limit: int) -> list[SentMail]:
    """The mails to these addresses that were written before a place, newest first."""
    values: dict[str, Any] = {"recipients": list(recipients), "limit": limit}
    async with tx.cursor(row_factory=class_row(SentMail)) as cursor:
        found = await cursor.execute(MAILS_TO, values | {"before_at": before[0], "before_id": before[1]})
        return await found.fetchall()
