"""Bring deferred revenue up to the last whole day: once a day, many days at once when some were missed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any

from autorisen import ledger
from autorisen.billing.deferred import store
from autorisen.billing.deferred.model import Movement, movements
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, Recurring

RECOGNISE_KIND = "billing.recognise_revenue"


async def recognise(unit: Unit, payload: dict[str, Any]) -> None:
    """Post what was claimed and what was earned until before today, UTC. Repeated on a day, it posts nothing."""
    until = unit.now.astimezone(UTC).date()
    made = movements(await store.fees(unit.tx), await store.standings(unit.tx), until)
    await store.insert_movements(unit.tx, made, unit.now)
    for each in made:
        await ledger.post_facts(unit, postings_of(each), occurred_at=each.occurred_at)


def postings_of(movement: Movement) -> list[ledger.Posting]:
    """What a movement says in double entry; a half that moves nothing is left out. Pure."""
    rules, day = ledger.postings, movement.day
    both: Iterable[tuple[int, ledger.Posting]] = (
        (movement.added_minor, rules.revenue_deferred(day=day, amount=movement.added)),
        (movement.earned_minor, rules.revenue_recognised(day=day, amount=movement.earned)),
    )
    return [posting for minor, posting in both if minor]


RECOGNISE_JOB = Job(RECOGNISE_KIND, recognise)
RECOGNISE_SCHEDULE = Recurring(RECOGNISE_KIND, RECOGNISE_KIND, timedelta(days=1), timedelta(hours=1))
