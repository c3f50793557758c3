"""What the audit asks of the catalog."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from autorisen.kit.database import Tx
from autorisen.kit.money import Money

FLAT_AMOUNTS: LiteralString = "SELECT id, amount_minor, currency FROM catalog.prices WHERE kind <> 'usage'"


async def flat_amounts(tx: Tx) -> dict[UUID, Money]:
    """Every flat fee, and every add-on, of every plan version that ever was, by the id of its price."""
    rows = await (await tx.execute(FLAT_AMOUNTS)).fetchall()
    return {id: Money(minor, currency) for id, minor, currency in rows}
