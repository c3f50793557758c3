"""Cells, price models and the parts of a line as the JSON that PostgreSQL keeps. Decimals are texts: JSON numbers are
floats to half of the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from autorisen.catalog.cells import Cell
from autorisen.catalog.price_models import (
    MODEL_NAMES,
    Graduated,
    Package,
    Part,
    PartKind,
    Percentage,
    PerUnit,
    PriceModel,
    Tier,
    Volume,
)
from autorisen.kit.money import Money, plain


def cell_row(cell: Cell | None) -> dict[str, Any]:
    """What a price or a rating is for; empty for the whole meter."""
    return {} if cell is None else {"match": {dimension: list(values) for dimension, values in cell.match}}


def cell_of(row: Mapping[str, Any] | None) -> Cell | None:
    """The cell of a stored price or rating; None for the whole meter."""
    if not row:
        return None
    return Cell(tuple((dimension, tuple(values)) for dimension, values in sorted(row["match"].items())))


def model_row(model: Graduated | Volume | Package | Percentage) -> dict[str, Any]:
    """The terms of a model. So much per unit is none: it has a column of its own."""
    name = MODEL_NAMES[type(model)]
    match model:
        case Package():
            return {"model": name, "size": plain(model.size), "amount": plain(model.amount)}
        case Percentage():
            return {"model": name, "rate": plain(model.rate), "fee": plain(model.fee)}
        case _:
            return {"model": name, "tiers": [_tier_row(tier) for tier in model.tiers]}


def model_of(row: Mapping[str, Any] | None, unit_amount: Decimal | None) -> PriceModel:
    """The model of a stored price."""
    if row is None:
        assert unit_amount is not None, "a check of the table"
        return PerUnit(unit_amount)
    if row["model"] == MODEL_NAMES[Package]:
        return Package(Decimal(row["size"]), Decimal(row["amount"]))
    if row["model"] == MODEL_NAMES[Percentage]:
        return Percentage(Decimal(row["rate"]), Decimal(row["fee"]))
    tiers = tuple(
        Tier(_decimal(tier["up_to"]), Decimal(tier["unit_amount"]), Decimal(tier["fee"])) for tier in row["tiers"]
    )
    return Graduated(tiers) if row["model"] == MODEL_NAMES[Graduated] else Volume(tiers)


def part_rows(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Parts of a rated line; `amount_minor` is a whole number, the rest are decimals as texts or null."""
    return [
        {
            "kind": part.kind.value,
            "quantity": plain(part.quantity),
            "unit_amount": plain(part.unit_amount),
            "amount_minor": part.amount.minor,
            "above": _text(part.above),
            "up_to": _text(part.up_to),
            "size": _text(part.size),
        }
        for part in parts
    ]


def parts_of(rows: Iterable[Mapping[str, Any]], currency: str) -> tuple[Part, ...]:
    """The parts of a stored line."""
    return tuple(
        Part(
            PartKind(row["kind"]),
            Decimal(row["quantity"]),
            Decimal(row["unit_amount"]),
            Money(row["amount_minor"], currency),
            _decimal(row["above"]),
            _decimal(row["up_to"]),
            _decimal(row["size"]),
        )
        for row in rows
    )


def _tier_row(tier: Tier) -> dict[str, Any]:
    return {"up_to": _text(tier.up_to), "unit_amount": plain(tier.unit_amount), "fee": plain(tier.fee)}


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
