"""SQL of add-ons: a change is a row, and no row is ever changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from autorisen.kit.database import Tx
from autorisen.subscriptions.addons.model import AddonChange

CHANGES_OF: LiteralString = """
    SELECT subscription_id, addon_key, number, quantity, since FROM subscriptions.addon_changes
    WHERE subscription_id = ANY(%(ids)s::uuid[]) ORDER BY subscription_id, addon_key, number
"""

INSERT_CHANGE: LiteralString = """
    INSERT INTO subscriptions.addon_changes (subscription_id, addon_key, number, quantity, since)
    VALUES (%(subscription_id)s, %(addon_key)s, %(number)s, %(quantity)s, %(since)s)
"""


async def addon_changes_of(tx: Tx, subscription_ids: Iterable[UUID]) -> dict[UUID, tuple[AddonChange, ...]]:
    """Every change that these subscriptions ever made to their add-ons, by add-on and number."""
    ids = list(subscription_ids)
    found: dict[UUID, list[AddonChange]] = {id: [] for id in ids}
    async with tx.cursor(row_factory=class_row(AddonChange)) as cursor:
        for change in await (await cursor.execute(CHANGES_OF, {"ids": ids})).fetchall():
            found[change.subscription_id].append(change)
    return {id: tuple(changes) for id, changes in found.items()}


async def addon_changes(tx: Tx, subscription_id: UUID) -> tuple[AddonChange, ...]:
    """`addon_changes_of` for one."""
    return (await addon_changes_of(tx, [subscription_id]))[subscription_id]


async def insert_change(tx: Tx, change: AddonChange) -> None:
    await tx.execute(INSERT_CHANGE, vars(change))
