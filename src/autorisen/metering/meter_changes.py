"""What becomes of the stored meters when a catalog file is applied. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from autorisen.metering.filters import filter_text, path_text
from autorisen.metering.model import MeterDefinition


@dataclass(frozen=True)
class MeterChange:
    """One meter that an apply would add, relabel (name or unit), recount, remove or refuse, a line per difference."""

    kind: Literal["add", "relabel", "recount", "remove", "refuse"]
    key: str
    lines: tuple[str, ...]


def meter_changes(
    stored: Sequence[MeterDefinition],
    wanted: Sequence[MeterDefinition],
    *,
    priced: Collection[str],
    counted: Collection[str],
) -> list[MeterChange]:
    """What makes the stored meters the wanted ones, by key.

    A `priced` meter must go on counting as it does: closed periods and their invoices were rated from what it counted,
    and are rated again when a late event comes. A `counted` one must stay, and may count differently.
    """
    before = {meter.key: meter for meter in stored}
    after = {meter.key: meter for meter in wanted}
    changes = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old != new:
            used = None
            if key in priced:
                used = "a plan version prices it"
            elif key in counted and new is None:
                used = "usage was counted under it"
            changes.append(_change(key, old, new, used))
    return changes


def _change(key: str, old: MeterDefinition | None, new: MeterDefinition | None, used: str | None) -> MeterChange:
    lines = _difference(old, new)
    if old is None:
        return MeterChange("add", key, lines)
    if new is not None and _way_of_counting(old) == _way_of_counting(new):
        return MeterChange("relabel", key, lines)
    if used is None:
        return MeterChange("remove" if new is None else "recount", key, lines)
    rule = "must stay" if new is None else "must count as it does"
    return MeterChange("refuse", key, (*lines, f"{rule}: {used}; what counts otherwise needs a new key"))


def _way_of_counting(meter: MeterDefinition) -> dict[str, str]:
    return {
        "event_type": meter.event_type,
        "aggregation": meter.aggregation.value,
        "value_path": path_text(meter.value_path),
        "filter": filter_text(meter.filter),
        "group_by": ", ".join(f"{each.name} = {path_text(each.path)}" for each in meter.group_by),
    }


def _difference(old: MeterDefinition | None, new: MeterDefinition | None) -> tuple[str, ...]:
    if new is None:
        return ("no longer in the file",)
    after = {"name": new.name, "unit": new.unit} | _way_of_counting(new)
    if old is None:
        return tuple(f"+ {term}: {text}" for term, text in after.items() if text)
    before = {"name": old.name, "unit": old.unit} | _way_of_counting(old)
    changed = [term for term in after if before[term] != after[term]]
    return tuple(f"~ {term}: {before[term] or 'none'} -> {after[term] or 'none'}" for term in changed)
