"""Stripe's meter event adjustments: what cancels one event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autorisen.accounts import Principal
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.kit.unit import Unit
from autorisen.metering.compat.stripe import store
from autorisen.metering.compat.stripe.errors import NoSuchMeterEvent
from autorisen.metering.compat.stripe.translate import SOURCE, Raw
from autorisen.metering.corrections import Correction, correct_events
from autorisen.metering.decode import ATTRIBUTE_LIMIT
from autorisen.metering.model import OPERATOR

_FIELDS = frozenset(("event_name", "type", "cancel", "expand"))


@dataclass(frozen=True)
class Cancellation:
    """Which event is to count no more."""

    event_name: str
    identifier: str


def read_cancellation(raw: Raw) -> Cancellation:
    """What a request asks for. Raises `InvalidInput` naming each parameter and its rule."""
    errors = [FieldError(name[:80], "is not known here") for name in sorted(raw.keys() - _FIELDS)]
    if raw.get("type") != "cancel":
        errors.append(FieldError("type", "must be cancel"))
    cancel = raw.get("cancel")
    given = {
        "event_name": raw.get("event_name"),
        "cancel[identifier]": cancel.get("identifier") if isinstance(cancel, Mapping) else None,
    }
    texts = {name: text for name, text in given.items() if isinstance(text, str) and _is_name(text)}
    errors += [
        FieldError(name, f"must be a text of 1 to {ATTRIBUTE_LIMIT} characters") for name in given.keys() - texts.keys()
    ]
    if errors:
        raise InvalidInput(errors=sorted(errors, key=lambda error: error.field))
    return Cancellation(texts["event_name"], texts["cancel[identifier]"])


def _is_name(text: str) -> bool:
    return 0 < len(text) <= ATTRIBUTE_LIMIT and text.isprintable()


async def cancel_event(unit: Unit, principal: Principal, wanted: Cancellation) -> None:
    """Void the event; quantities follow in this transaction. Cancelled again, it stays cancelled.

    Raises `NoSuchMeterEvent`.
    """
    if await store.event_name(unit.tx, OPERATOR, SOURCE, wanted.identifier) != wanted.event_name:
        raise NoSuchMeterEvent(f"{wanted.identifier} of {wanted.event_name}")
    correction = Correction(OPERATOR, SOURCE, wanted.identifier, "void", "cancelled by a meter event adjustment")
    await correct_events(unit, actor=principal.actor, corrections=[correction])
