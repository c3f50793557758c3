"""What one event adds to one meter. Pure, and the only place that decides it: ingest, claims and rebuilds ask here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from autorisen.kit.problems import FieldError
from autorisen.metering.filters import matcher, value_at
from autorisen.metering.model import (
    QUANTITY_DECIMALS,
    QUANTITY_LIMIT,
    Aggregation,
    Dimension,
    Measured,
    MeterDefinition,
)

TEXT_LIMIT = 256
_QUOTED = re.compile(r"[0-9]{1,18}(\.[0-9]{1,12})?")

# Of an event's data: what it adds, None when the filter leaves it out, or the rule that it breaks.
Measure = Callable[[Mapping[str, object]], Measured | FieldError | None]

_ONE = Measured(1)
_encode: Callable[[object], bytes] = msgspec.json.Encoder(order="deterministic").encode


def measure_of(meter: MeterDefinition) -> Measure:
    """The rule of a meter as a function, made once and asked for every event."""
    value = _value_of(meter)
    if meter.filter is None and not meter.group_by:
        return value
    matches = matcher(meter.filter)

    def measure(data: Mapping[str, object]) -> Measured | FieldError | None:
        if matches is not None and not matches(data):
            return None
        measured = value(data)
        if not isinstance(measured, Measured) or not meter.group_by:
            return measured
        dimensions = _dimensions(meter.group_by, data)
        return dimensions if isinstance(dimensions, FieldError) else Measured(measured.value, dimensions)

    return measure


def _value_of(meter: MeterDefinition) -> Measure:
    if meter.aggregation is Aggregation.COUNT:
        return lambda data: _ONE
    path, field = meter.value_path, "/".join(("/data", *meter.value_path))
    absent = FieldError(field, f"is needed: the meter {meter.key} reads it")
    if meter.aggregation is Aggregation.UNIQUE:
        return lambda data: _text(value_at(data, path), field, absent)
    if len(path) == 1:
        (key,) = path
        return lambda data: _number(data.get(key), field, absent)
    return lambda data: _number(value_at(data, path), field, absent)


def _number(value: object, field: str, absent: FieldError) -> Measured | FieldError:
    """A number, not negative (what was wrong is voided, not deducted), below 10^18, with at most 12 decimals.

    Or one in quotes: it stays exact in producers whose JSON knows only binary numbers, and others' clients send it.
    """
    if isinstance(value, str) and _QUOTED.fullmatch(value):
        value = Decimal(value)
    if type(value) is int:
        if 0 <= value < QUANTITY_LIMIT:
            return Measured(value)
    elif isinstance(value, Decimal) and value.is_finite():
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and 0 <= value < QUANTITY_LIMIT and exponent >= -QUANTITY_DECIMALS:
            return Measured(value)
    if value is None:
        return absent
    return FieldError(field, "must be a number from 0 to below 10^18 with at most 12 decimals")


def _text(value: object, field: str, absent: FieldError) -> Measured | FieldError:
    """What a `unique` meter tells apart: the number 1 and the text "1" are two values, 1 and 1.0 are one."""
    text = text_of(value)
    if text is not None:
        return Measured(f'"{text}' if isinstance(value, str) else text)
    if value is None:
        return absent
    return FieldError(field, f"must be a text of at most {TEXT_LIMIT} characters, a number or a boolean")


def text_of(value: object) -> str | None:
    """A scalar as text, the same for equal numbers; None for what is no scalar or too long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > TEXT_LIMIT // 2:
            return None
        text = f"{value:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if isinstance(value, str) and len(value) <= TEXT_LIMIT:
        return value
    return None


def _dimensions(group_by: tuple[Dimension, ...], data: Mapping[str, object]) -> str | FieldError:
    """The values to group by, as JSON; one that is absent is left out."""
    found: dict[str, str] = {}
    for dimension in group_by:
        value = value_at(data, dimension.path)
        if value is None:
            continue
        text = text_of(value)
        if text is None:
            field = "/".join(("/data", *dimension.path))
            return FieldError(field, f"must be a text of at most {TEXT_LIMIT} characters, a number or a boolean")
        found[dimension.name] = text
    return _encode(found).decode() if found else ""
