"""Give events that arrived before their customer was known to that customer, and count them: each once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from autorisen import accounts
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit
from autorisen.metering import store, store_counting
from autorisen.metering.counting import Counter
from autorisen.metering.usage import waiting_subjects

_SUBJECTS_A_SWEEP = 1_000
_EVENTS_AT_ONCE = 10_000


async def on_customer_created(unit: Unit, fact: accounts.CustomerCreated) -> None:
    """Claim what waits for a new customer, by its key or its public id."""
    await store.enter_claim(unit.tx)
    await _claim(unit, fact.customer_id, [fact.key, public_id("cus", fact.customer_id)])


async def claim_events(unit: Unit) -> int:
    """Claim every waiting event whose customer is known by now, and give their number.

    Needed besides the fact: an ingest that began before a customer was there may commit after its claim.
    """
    await store.enter_claim(unit.tx)
    waiting = [each.subject for each in await waiting_subjects(unit.tx, limit=_SUBJECTS_A_SWEEP)]
    known = await accounts.customer_ids_by_key(unit.tx, waiting) if waiting else {}
    claimed = 0
    for subject, customer_id in sorted(known.items()):
        claimed += await _claim(unit, customer_id, [subject])
    return claimed


async def _claim(unit: Unit, customer_id: UUID, subjects: Sequence[str]) -> int:
    """Give all events of these subjects to the customer, and count them. Gives how many."""
    meters = await store_counting.enter_counting(unit.tx)
    claimed = 0
    while True:
        taken, events = await store.claim(unit.tx, customer_id, subjects, _EVENTS_AT_ONCE)
        counter = Counter(meters)
        for event in events:
            counter.add(event)
        await store_counting.add_counts(unit.tx, counter.counts, meters)
        claimed += taken
        if taken < _EVENTS_AT_ONCE:
            return claimed
