"""Post a transaction: once per reference, whatever is retried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from autorisen.kit.unit import Unit
from autorisen.ledger import store
from autorisen.ledger.errors import ReferenceConflict
from autorisen.ledger.model import Line, lines_to_post, same_lines
from autorisen.ledger.postings import Posting


async def post_fact(unit: Unit, posting: Posting, *, occurred_at: datetime) -> bool:
    """Post what a money fact says; see `post`."""
    return await post(
        unit,
        reference=posting.reference,
        description=posting.description,
        occurred_at=occurred_at,
        lines=posting.lines,
    )


async def post(unit: Unit, *, reference: str, description: str, occurred_at: datetime, lines: Sequence[Line]) -> bool:
    """Post balanced lines under a reference that is unique for ever, such as "invoice:<uuid>:issued".

    The same reference with the same lines again changes nothing and gives False; with other lines it raises
    `ReferenceConflict`. Debits are positive, credits negative, and each currency sums to zero.
    """
    moving = lines_to_post(lines)
    transaction_id = unit.ids.new()
    is_new = await store.insert_transaction(
        unit.tx,
        transaction_id=transaction_id,
        reference=reference,
        description=description,
        occurred_at=occurred_at,
        recorded_at=unit.now,
    )
    if not is_new:
        posted = await store.lines_of(unit.tx, reference)
        if not same_lines(posted, moving):
            raise ReferenceConflict(f"{reference} was posted before with other lines")
        return False
    await store.open_accounts(unit.tx, {line.account for line in moving}, unit.now)
    await store.insert_entries(unit.tx, transaction_id, moving)
    return True
