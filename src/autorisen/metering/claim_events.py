"""Give events that arrived before their customer was known to that customer, and count them: each once."""

from __future__ import annotations

from autorisen import accounts
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit
from autorisen.metering import store
from autorisen.metering.usage import waiting_subjects

_SUBJECTS_A_SWEEP = 1_000


async def on_customer_created(unit: Unit, fact: accounts.CustomerCreated) -> None:
    """Claim what waits for a new customer, by its key or its public id."""
    await store.enter_claim(unit.tx)
    await store.claim(unit.tx, fact.customer_id, [fact.key, public_id("cus", fact.customer_id)])


async def claim_events(unit: Unit) -> int:
    """Claim every waiting event whose customer is known by now, and give their number.

    Needed besides the fact: an ingest that began before a customer was there may commit after its claim.
    """
    await store.enter_claim(unit.tx)
    waiting = [each.subject for each in await waiting_subjects(unit.tx, limit=_SUBJECTS_A_SWEEP)]
    known = await accounts.customer_ids_by_key(unit.tx, waiting) if waiting else {}
    claimed = 0
    for subject, customer_id in sorted(known.items()):
        claimed += await store.claim(unit.tx, customer_id, [subject])
    return claimed
