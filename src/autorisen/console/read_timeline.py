"""Read one customer's timeline: each source by its owner's door, a page of each, merged by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autorisen import accounts, billing, catalog, metering, subscriptions
from autorisen.accounts import Customer
from autorisen.console import timeline
from autorisen.console.timeline import Moment, Place
from autorisen.kit.database import Tx
from autorisen.kit.ids import public_id
from autorisen.kit.work.store_history import facts_of, mails_to

PAGE = 40
# The newest invoices, whose operator's actions are in the audit log.
INVOICES = 200


@dataclass(frozen=True)
class Timeline:
    """One page, newest first; `next` is where the following one begins, empty at the end."""

    moments: Sequence[Moment]
    next: str


async def read_timeline(tx: Tx, customer: Customer, place: Place, *, kind: str = "", limit: int = PAGE) -> Timeline:
    """What happened to a customer before a place, of one kind or all; of each source a page at a time."""
    found: list[Moment] = []
    while True:
        page = await _page(tx, customer, place, limit)
        found += [each for each in page if kind in ("", each.kind)]
        if len(found) > limit or len(page) < limit:
            following = timeline.place_of(found[limit - 1]) if len(found) > limit else ""
            return Timeline(found[:limit], following)
        place = Place(*page[-1].place)


async def _page(tx: Tx, customer: Customer, place: Place, limit: int) -> list[Moment]:
    facts = await facts_of(tx, customer.id, before=place.before(timeline.FACT), limit=limit)
    people = await accounts.members_of(tx, customer.id)
    addresses = sorted({customer.email, *(person.email for person in people)})
    mails = await mails_to(tx, addresses, before=place.before(timeline.MAIL), limit=limit)
    chased = await billing.history.dunning_events_of(
        tx, customer.id, before=place.before(timeline.DUNNING), limit=limit
    )
    credits = await billing.history.credits_gone(tx, customer.id, before=place.before(timeline.CREDIT), limit=limit)
    corrected = await metering.corrections_of_customer(
        tx, customer.id, before=place.before(timeline.USAGE), limit=limit
    )
    at, number = place.before(timeline.AUDIT)
    audited = await accounts.audit_of(
        tx, await _targets(tx, customer), before=(at, min(number.int, 2**63 - 1)), limit=limit
    )
    versions = await catalog.plan_versions_by_id(tx, timeline.plans_named(facts))
    newest = {plan.plan_key: plan for plan in await catalog.newest_plans(tx)}
    plans = newest | {str(id): plan for id, plan in versions.items()}
    home = f"/console/customers/{customer.public_id}"
    found = [
        *(timeline.of_fact(each, home, plans) for each in facts),
        *map(timeline.of_mail, mails),
        *map(timeline.of_dunning, chased),
        *(timeline.of_credit(each, home) for each in credits),
        *map(timeline.of_correction, corrected),
        *(timeline.of_audit(each, home) for each in audited),
    ]
    return sorted(found, key=lambda each: each.place, reverse=True)[:limit]


async def _targets(tx: Tx, customer: Customer) -> list[str]:
    """What an operator or a member does is noted of one of these."""
    invoices = await billing.list_invoices(tx, customer_id=customer.id, limit=INVOICES)
    contracts = await subscriptions.subscription_history(tx, customer.id)
    keys = await accounts.list_api_keys(tx, customer.id)
    return [
        customer.public_id,
        *(each.public_id for each in invoices),
        *(each.public_id for each in contracts),
        *(public_id("key", each.id) for each in keys),
    ]
