"""What one event adds to one meter. Pure; `number_at` in the migration is the same rule in SQL."""

from __future__ import annotations

from decimal import Decimal

from autorisen.kit.problems import FieldError
from autorisen.metering.model import (
    QUANTITY_DECIMALS,
    QUANTITY_LIMIT,
    Aggregation,
    MeterDefinition,
)


def measure(meter: MeterDefinition, data: dict[str, object]) -> int | Decimal | FieldError:
    """The quantity that an event with `data` adds to `meter`, or the rule it breaks.

    A value is a number, not negative (what was wrong is voided, not deducted), below 10^18, with at most 12 decimals.
    """
    if meter.aggregation is Aggregation.COUNT:
        return 1
    value: object = data
    for key in meter.value_path:
        value = value.get(key) if isinstance(value, dict) else None
    if type(value) is int:
        if 0 <= value < QUANTITY_LIMIT:
            return value
    elif isinstance(value, Decimal) and value.is_finite():
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and 0 <= value < QUANTITY_LIMIT and exponent >= -QUANTITY_DECIMALS:
            return value
    field = "/".join(("/data", *meter.value_path))
    if value is None:
        return FieldError(field, f"is needed: the meter {meter.key} sums it")
    return FieldError(field, "must be a number from 0 to below 10^18 with at most 12 decimals")
