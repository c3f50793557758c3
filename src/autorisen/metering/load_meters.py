"""Meter definitions from the `[[meter]]` tables of the catalog file. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autorisen.kit.problems import FieldError
from autorisen.metering.errors import InvalidMeter
from autorisen.metering.model import Aggregation, MeterDefinition

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_FIELDS = {"key", "name", "unit", "event_type", "aggregation", "value_path"}


def load_meters(tables: Sequence[Mapping[str, object]]) -> list[MeterDefinition]:
    """The meters of a catalog file. Raises `InvalidMeter` with every broken rule, each named by its place."""
    errors: list[FieldError] = []
    found: dict[str, MeterDefinition] = {}
    for index, table in enumerate(tables):
        meter = _load(table, f"/meter/{index}", errors)
        if meter is None:
            continue
        if meter.key in found:
            errors.append(FieldError(f"/meter/{index}/key", "must be unique"))
        found[meter.key] = meter
    if errors:
        raise InvalidMeter(f"{errors[0].field} {errors[0].rule}", errors=errors)
    return list(found.values())


def _load(table: Mapping[str, object], place: str, errors: list[FieldError]) -> MeterDefinition | None:
    before = len(errors)
    errors += [FieldError(f"{place}/{name}", "is not a known field") for name in sorted(table.keys() - _FIELDS)]
    texts: dict[str, str] = {}
    for name in ("key", "name", "unit", "event_type", "aggregation"):
        value = table.get(name)
        if not isinstance(value, str) or not value:
            errors.append(FieldError(f"{place}/{name}", "must be a text that is not empty"))
        else:
            texts[name] = value
    if "key" in texts and not _KEY.fullmatch(texts["key"]):
        errors.append(FieldError(f"{place}/key", "must be words of a-z, 0-9 and _ joined by dots"))
    kinds = tuple(Aggregation)
    if "aggregation" in texts and texts["aggregation"] not in kinds:
        errors.append(FieldError(f"{place}/aggregation", f"must be one of {', '.join(kinds)}"))
    path = value_path(table.get("value_path"))
    if texts.get("aggregation") == Aggregation.SUM and not path:
        errors.append(FieldError(f"{place}/value_path", "must lead from data to a number, like input_tokens"))
    if texts.get("aggregation") == Aggregation.COUNT and table.get("value_path") is not None:
        errors.append(FieldError(f"{place}/value_path", "must be left out: a count has no value"))
    if len(errors) > before:
        return None
    return MeterDefinition(
        key=texts["key"],
        name=texts["name"],
        unit=texts["unit"],
        event_type=texts["event_type"],
        aggregation=Aggregation(texts["aggregation"]),
        value_path=path,
    )


def value_path(text: object) -> tuple[str, ...]:
    """The keys that lead from `data` to a value: `usage.tokens`, or a JSON pointer (RFC 6901) like `/usage/tokens`."""
    if not isinstance(text, str):
        return ()
    if text.startswith("/"):
        keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in text.split("/")[1:])
    else:
        keys = tuple(text.split("."))
    # A number would mean a place in an array to PostgreSQL, and a name to us.
    return keys if all(key and not key.isdigit() for key in keys) else ()
