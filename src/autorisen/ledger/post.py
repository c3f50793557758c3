"""Post transactions: once per reference, whatever is retried."""

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
    return await post_facts(unit, [posting], occurred_at=occurred_at) == 1


async def post(unit: Unit, *, reference: str, description: str, occurred_at: datetime, lines: Sequence[Line]) -> bool:
    """Post balanced lines under a reference that is unique for ever, such as "invoice:<uuid>:issued".

    The same reference with the same lines again changes nothing and gives False; with other lines it raises
    `ReferenceConflict`. Debits are positive, credits negative, and each currency sums to zero.
    """
    return await post_fact(unit, Posting(reference, description, tuple(lines)), occurred_at=occurred_at)


async def post_facts(unit: Unit, postings: Sequence[Posting], *, occurred_at: datetime) -> int:
    """Post many facts, each as `post` does, with a fixed number of statements. Gives how many were new."""
    moving: dict[str, list[Line]] = {}
    for each in postings:
        _require_same(each.reference, moving.setdefault(each.reference, lines_to_post(each.lines)), each.lines)
    heads = [(unit.ids.new(), each) for each in {each.reference: each for each in postings}.values()]
    new = await store.insert_transactions(unit.tx, heads, occurred_at=occurred_at, recorded_at=unit.now)
    known = [reference for reference in moving if reference not in new]
    for reference, posted in (await store.lines_of(unit.tx, known)).items():
        _require_same(reference, posted, moving[reference])
    entries = [(id, line) for id, each in heads if each.reference in new for line in moving[each.reference]]
    await store.open_accounts(unit.tx, {line.account for _, line in entries}, unit.now)
    await store.insert_entries(unit.tx, entries)
    return len(new)


def _require_same(reference: str, posted: Sequence[Line], wanted: Sequence[Line]) -> None:
    if not same_lines(posted, lines_to_post(wanted)):
        raise ReferenceConflict(f"{reference} was posted before with other lines")
