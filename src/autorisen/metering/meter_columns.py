"""Meter definitions as columns of tables, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from autorisen.metering.filters import filter_of, path_of, path_text
from autorisen.metering.model import Aggregation, Dimension, MeterDefinition

# Key, name, unit, type of events, aggregation, path of the value, filter and dimensions, as they are stored.
Columns = tuple[str, str, str, str, str, Sequence[str], str, str]


def definition_of(columns: Columns) -> MeterDefinition:
    """A definition from its columns; they are read for every batch, so it is made once."""
    key, name, unit, event_type, aggregation, path, given, group_by = columns
    return _definition((key, name, unit, event_type, aggregation), tuple(path), given, group_by)


@lru_cache(maxsize=1_000)
def _definition(
    texts: tuple[str, str, str, str, str], value_path: tuple[str, ...], given: str, group_by: str
) -> MeterDefinition:
    key, name, unit, event_type, aggregation = texts
    paths = cast("dict[str, str]", json.loads(group_by)) if group_by else {}
    dimensions = tuple(Dimension(name, path_of(path)) for name, path in sorted(paths.items()))
    kind = Aggregation(aggregation)
    return MeterDefinition(key, name, unit, event_type, kind, value_path, filter_of(given), dimensions)


def group_by_text(definition: MeterDefinition) -> str | None:
    """The dimensions as `definition_of` reads them."""
    paths = {each.name: path_text(each.path) for each in definition.group_by}
    return json.dumps(paths) if paths else None
