"""Read what became of an event."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.metering.corrections import store
from autorisen.metering.corrections.model import Revision


async def corrections_of_event(tx: Tx, *, tenant: UUID, source: str, id: str) -> list[Revision]:
    """All corrections of one event, the first one first: the last one is what counts."""
    return await store.select_revisions(tx, (tenant, source, id))
