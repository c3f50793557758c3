"""Take in what producers say they sent, and say at once whether it is here."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.metering.control_totals import store
from autorisen.metering.control_totals.model import (
    IDS_LIMIT,
    Answer,
    Comparison,
    ControlTotal,
    Listing,
    Place,
    sum_of,
)


async def record_totals(unit: Unit, *, tenant: UUID, totals: Sequence[ControlTotal], actor: str) -> list[Answer]:
    """Keep these totals, in the order given; what was said before stays, as an earlier revision.

    The same total again changes nothing, and is compared anew.
    """
    await store.lock_tenant(unit.tx, tenant)
    newest = {(total.source, total.hour, total.producer): total for total in totals}
    await store.insert_totals(unit.tx, tenant, list(newest.values()), actor, unit.now)
    places = {(total.source, total.hour): Place(tenant, total.source, total.hour) for total in totals}
    said = await store.latest_totals(unit.tx, tenant, places)
    stored = await store.tallies(unit.tx, list(places.values()))
    answers = []
    for total in totals:
        spot = (total.source, total.hour)
        revision = next(number for each, number in said[spot] if each.producer == total.producer)
        answers.append(Answer(total, revision, sum_of(each for each, _ in said[spot]), stored[places[spot]]))
    return answers


async def compare_listing(unit: Unit, *, tenant: UUID, listing: Listing) -> Comparison:
    """Which of these ids are not here, and which are here and not among them; kept for the reconciliation.

    What is here besides is told to the only producer of a source, of at most 10,000 events.
    """
    missing = await store.missing_events(unit.tx, tenant, listing)
    known = await store.producers(unit.tx, Place(tenant, listing.source, listing.hour))
    unexpected = None
    if set(known) <= {listing.producer}:
        unexpected = tuple(await store.unexpected_events(unit.tx, tenant, listing, IDS_LIMIT))
    await store.insert_findings(unit.tx, tenant, listing, [each.id for each in missing], unexpected or (), unit.now)
    return Comparison(tuple(missing), unexpected)
