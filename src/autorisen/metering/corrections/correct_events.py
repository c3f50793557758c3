"""Correct events that were wrong: the events stay, a correction says what counts instead, and all hours follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen import accounts
from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit
from autorisen.metering import store_counting, store_meters
from autorisen.metering.corrections import store
from autorisen.metering.corrections.errors import CorrectionRefused
from autorisen.metering.corrections.model import (
    CORRECTIONS_LIMIT,
    REASON_LIMIT,
    Adjustment,
    Content,
    Correction,
    CorrectionReceipt,
    Standing,
)
from autorisen.metering.counting import hour_text, measure_for
from autorisen.metering.ingest import AHEAD_MAX, EARLIEST
from autorisen.metering.model import Event, Meter, hour_of

_NOTHING = Decimal(0)


async def correct_events(
    unit: Unit, *, actor: str, corrections: Sequence[Correction], backfill_id: UUID | None = None
) -> CorrectionReceipt:
    """Void or amend stored events, all of them or none, and count the hours concerned again in this transaction.

    The same correction again changes nothing. Usage that a closed period billed is found by billing, which adds a
    line to the next invoice; `metering.adjustments` has what changed. Ingest waits until this transaction ends.
    `backfill_id` names the backfill that is taken back, or that brings the events in again.

    Raises `CorrectionRefused` with the place of each correction that breaks a rule, as `/corrections/3/id`.
    """
    errors = _errors_of_form(corrections)
    await store_meters.stop_ingest(unit.tx)
    meters = await store_counting.enter_counting(unit.tx)
    standing = await store.select_standing(
        unit.tx, sorted({(each.tenant, each.source, each.id) for each in corrections})
    )
    subjects = sorted({each.amended.subject for each in corrections if each.amended})
    customers = await accounts.customer_ids_by_key(unit.tx, subjects) if subjects else {}
    rules = _Rules(customers, meters, unit.now, errors)
    made: list[tuple[Correction, int, Content | None]] = []
    owners: list[UUID | None] = []
    touched: list[Content] = []
    for place, correction in enumerate(corrections):
        known = standing.get((correction.tenant, correction.source, correction.id))
        if known is None:
            errors.append(FieldError(f"/corrections/{place}/id", "is no stored event of this source"))
            continue
        content = rules.content(correction, known, f"/corrections/{place}/event")
        if content != known.counts:
            made.append((correction, known.revision + 1, content))
            owners.append((known.counts or known.sent).customer_id)
            touched += [each for each in (known.counts, content) if each is not None]
    if errors:
        raise CorrectionRefused(f"{errors[0].field} {errors[0].rule}", errors=errors)
    call_id = unit.ids.new()
    adjustments: list[Adjustment] = []
    if made:
        await store.insert_corrections(
            unit.tx, made, owners, actor=actor, call_id=call_id, backfill_id=backfill_id, now=unit.now
        )
        adjustments = await _recount(unit, touched, meters)
        await store.insert_adjustments(unit.tx, adjustments, call_id=call_id, now=unit.now)
        detail = {"corrections": len(made), "reason": made[0][0].reason}
        await accounts.record_audit(
            unit, actor=actor, action="events.corrected", target=public_id("cor", call_id), detail=detail
        )
    voided = sum(content is None for _, _, content in made)
    unchanged = len(corrections) - len(made)
    return CorrectionReceipt(call_id, voided, len(made) - voided, unchanged, tuple(adjustments))


def _errors_of_form(corrections: Sequence[Correction]) -> list[FieldError]:
    errors = []
    if not 0 < len(corrections) <= CORRECTIONS_LIMIT:
        errors.append(FieldError("/corrections", f"must be 1 to {CORRECTIONS_LIMIT:,}"))
    seen: set[tuple[UUID, str, str]] = set()
    for place, each in enumerate(corrections):
        identity = (each.tenant, each.source, each.id)
        if identity in seen:
            errors.append(FieldError(f"/corrections/{place}/id", "is corrected twice"))
        seen.add(identity)
        if not each.reason.strip() or len(each.reason) > REASON_LIMIT or not each.reason.isprintable():
            errors.append(
                FieldError(f"/corrections/{place}/reason", f"must say why, in 1 to {REASON_LIMIT} characters")
            )
        if (each.kind == "amend") != (each.amended is not None):
            errors.append(FieldError(f"/corrections/{place}/event", "is what an amendment needs, and only that"))
        elif each.amended and (each.amended.source, each.amended.id) != (each.source, each.id):
            errors.append(FieldError(f"/corrections/{place}/event/id", "must be that of the event that is amended"))
    return errors


@dataclass(frozen=True)
class _Rules:
    """What an amended event is held to; broken rules go to `errors`."""

    customers: Mapping[str, UUID]
    meters: Sequence[Meter]
    now: datetime
    errors: list[FieldError]

    def content(self, correction: Correction, known: Standing, place: str) -> Content | None:
        """What the event says from now on; None for nothing."""
        event = correction.amended
        if event is None:
            return None
        customer_id = self.customers.get(event.subject)
        if customer_id is None:
            self.errors.append(FieldError(f"{place}/subject", "is no customer's"))
        at = event.time or (known.counts or known.sent).occurred_at
        if not EARLIEST <= at <= self.now + AHEAD_MAX:
            self.errors.append(FieldError(f"{place}/time", "must be from the year 2000 to at most 24 hours ahead"))
        broken = _broken_rules(event, self.meters)
        self.errors.extend(FieldError(f"{place}{each.field}", each.rule) for each in broken)
        return Content(event.type, event.subject, customer_id, at, event.data_json)


def _broken_rules(event: Event, meters: Sequence[Meter]) -> list[FieldError]:
    live = [meter for meter in meters if meter.definition.event_type == event.type and not meter.is_building]
    measured = [measure_for(meter.definition)(event.data) for meter in live]
    return [each for each in measured if isinstance(each, FieldError)]


async def _recount(unit: Unit, touched: Sequence[Content], meters: Sequence[Meter]) -> list[Adjustment]:
    """Count the hours of these contents again. Gives what changed, in order."""
    types = {content.type for content in touched}
    counted = [content for content in touched if content.customer_id is not None]
    hours = {(content.customer_id, hour_of(content.occurred_at)) for content in counted if content.customer_id}
    concerned = [meter for meter in meters if meter.definition.event_type in types]
    live = [meter for meter in concerned if not meter.is_building]
    stale = {
        (meter.series, str(customer_id), hour_text(hour))
        for meter in concerned
        if meter.is_building
        for customer_id, hour in hours
    }
    if stale:
        await store_counting.mark_stale(unit.tx, stale)
    before, after = await store_counting.recount(unit.tx, hours, live)
    names = {meter.series: meter.definition.key for meter in live}
    return [
        Adjustment(names[series], customer_id, hour, dimensions, old, new)
        for series, customer_id, hour, dimensions in sorted(before.keys() | after.keys())
        for old in [before.get((series, customer_id, hour, dimensions), _NOTHING)]
        for new in [after.get((series, customer_id, hour, dimensions), _NOTHING)]
        if old != new
    ]
