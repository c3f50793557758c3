"""Read what became of an event."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.corrections import store
from autorisen.metering.corrections.model import CorrectedUsage, Revision


async def corrections_of_event(tx: Tx, *, tenant: UUID, source: str, id: str) -> list[Revision]:
    """All corrections of one event, the first one first: the last one is what counts."""
    return await store.select_revisions(tx, (tenant, source, id))


async def corrections_of_customer(
    tx: Tx, customer_id: UUID, *, before: tuple[datetime, UUID], limit: int
) -> list[CorrectedUsage]:
    """What changed a customer's usage before a place (an instant and an id), newest first."""
    return await store.corrections_of_customer(tx, customer_id, before=before, limit=limit)
