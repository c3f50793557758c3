"""Meter definitions from the `[[meter]]` tables of the catalog file. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autorisen.kit.problems import FieldError
from autorisen.metering.errors import InvalidMeter
from autorisen.metering.filters import Filter, load_filter, path_of
from autorisen.metering.model import Aggregation, Dimension, MeterDefinition

DIMENSION_LIMIT = 8

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_FIELDS = {"key", "name", "unit", "event_type", "aggregation", "value_path", "filter", "group_by"}


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
    path = path_of(table.get("value_path"))
    if texts.get("aggregation") == Aggregation.COUNT:
        if table.get("value_path") is not None:
            errors.append(FieldError(f"{place}/value_path", "must be left out: a count has no value"))
    elif not path:
        errors.append(FieldError(f"{place}/value_path", "must lead from data to a value, like input_tokens"))
    rule: Filter | None = None
    if "filter" in table:
        rule = load_filter(table["filter"], f"{place}/filter", errors)
    dimensions = _dimensions(table.get("group_by", []), f"{place}/group_by", errors)
    if len(errors) > before:
        return None
    return MeterDefinition(
        key=texts["key"],
        name=texts["name"],
        unit=texts["unit"],
        event_type=texts["event_type"],
        aggregation=Aggregation(texts["aggregation"]),
        value_path=path,
        filter=rule,
        group_by=dimensions,
    )


def _dimensions(raw: object, place: str, errors: list[FieldError]) -> tuple[Dimension, ...]:
    """From a list of paths, named by their last key, or a table of names and paths."""
    listed: list[tuple[str, object, object]] = []
    if isinstance(raw, list):
        listed = [(f"{place}/{index}", (path_of(path) or ("",))[-1], path) for index, path in enumerate(raw)]
    elif isinstance(raw, dict):
        listed = [(f"{place}/{name}", name, path) for name, path in raw.items()]
    else:
        errors.append(FieldError(place, "must be a list of paths, or a table of names and paths"))
    if len(listed) > DIMENSION_LIMIT:
        errors.append(FieldError(place, f"must have at most {DIMENSION_LIMIT} dimensions"))
        return ()
    found: dict[str, Dimension] = {}
    for where, name, path in listed:
        keys = path_of(path)
        if not keys:
            errors.append(FieldError(where, "must lead from data to a value, like model"))
        elif not isinstance(name, str) or not _NAME.fullmatch(name):
            errors.append(
                FieldError(where, 'needs a name of letters, digits and _: use a table, like {model = "/a-b"}')
            )
        elif name in found:
            errors.append(FieldError(where, "must be unique"))
        else:
            found[name] = Dimension(name, keys)
    return tuple(found[name] for name in sorted(found))
