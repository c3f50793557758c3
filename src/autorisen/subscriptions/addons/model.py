"""How many of an add-on a subscription has at which time, and what that raises. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from autorisen.catalog import AddonPrice, PlanVersion


@dataclass(frozen=True)
class AddonChange:
    """From `since` on a subscription has `quantity` of an add-on, until the change with the next `number`."""

    subscription_id: UUID
    addon_key: str
    number: int
    quantity: int
    since: datetime


@dataclass(frozen=True)
class HeldAddon:
    """So many of an add-on for a half-open stretch of time."""

    quantity: int
    start_at: datetime
    end_at: datetime


def held_between(changes: Sequence[AddonChange], key: str, start_at: datetime, end_at: datetime) -> list[HeldAddon]:
    """The stretches of that time in which there was some of an add-on, in order; neighbours differ in quantity."""
    found: list[HeldAddon] = []
    own = sorted((each for each in changes if each.addon_key == key), key=lambda each: each.number)
    for change, after in zip(own, [each.since for each in own[1:]] + [end_at] * bool(own), strict=True):
        first, last = max(change.since, start_at), min(after, end_at)
        if not change.quantity or last <= first:
            continue
        if found and (found[-1].quantity, found[-1].end_at) == (change.quantity, first):
            found[-1] = replace(found[-1], end_at=last)
        else:
            found.append(HeldAddon(change.quantity, first, last))
    return found


def quantities_at(changes: Iterable[AddonChange], at: datetime) -> dict[str, int]:
    """How many there are of each add-on at that time; those that are none are left out."""
    latest: dict[str, AddonChange] = {}
    for each in changes:
        before = latest.get(each.addon_key)
        if each.since <= at and (before is None or before.number < each.number):
            latest[each.addon_key] = each
    return {key: each.quantity for key, each in latest.items() if each.quantity}


def raised(plan: PlanVersion, addons: Iterable[AddonPrice], quantities: Mapping[str, int]) -> PlanVersion:
    """The plan with the limits that so many of these add-ons give."""
    limits = dict(plan.limits)
    for addon in addons:
        for limit, by in addon.raises:
            limits[limit] = (limits[limit] or 0) + by * quantities.get(addon.key, 0)
    return replace(plan, limits=limits)
