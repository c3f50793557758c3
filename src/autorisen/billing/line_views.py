"""Lines of invoices and costs as the machine interface shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel

from autorisen import catalog
from autorisen.billing.model import Line, LineKind
from autorisen.kit.ids import public_id
from autorisen.kit.money import plain


class PartView(BaseModel):
    """One part of a line that has no one unit price. The `amount_minor` of the parts sum to the line's.

    `units` are those of a tier, above `above` and up to `up_to` (null: no end); `tier_fee`, `packages` (each of `size`
    units), `share` (of a metered amount), `event_fee`; `minimum` and `cap` say what a limit added or took off.
    """

    kind: catalog.PartKind
    quantity: str
    unit_amount_minor: str
    amount_minor: int
    above: str | None
    up_to: str | None
    size: str | None


class LineView(BaseModel):
    """One charge or credit. Amounts are cents, VAT contained; quantities and unit prices are exact decimals.

    `parts` is empty where the amount is `unit_amount_minor` for each unit beyond `included`; otherwise it explains it.
    Where a meter is priced by its dimensions, `dimensions` has the values that the line is for; empty: the rest.
    """

    id: str | None
    kind: LineKind
    description: str
    meter: str | None
    dimensions: dict[str, list[str]] | None
    quantity: str
    included: str
    unit_amount_minor: str
    unit: str
    amount_minor: int
    tax_minor: int
    period_start: datetime
    period_end: datetime
    parts: list[PartView]


def decimal_text(number: Decimal) -> str:
    """A decimal in full, without trailing zeros."""
    return plain(number)


def line_view(line: Line) -> LineView:
    return LineView(
        id=None if line.id is None else public_id("iln", line.id),
        kind=line.kind,
        description=line.description,
        meter=line.meter,
        dimensions=catalog.cell_row(line.cell).get("match"),
        quantity=decimal_text(line.quantity),
        included=decimal_text(line.included),
        unit_amount_minor=decimal_text(line.unit_amount),
        unit=line.unit_label,
        amount_minor=line.amount.minor,
        tax_minor=line.tax.minor,
        period_start=line.period_start,
        period_end=line.period_end,
        parts=parts_view(line.parts),
    )


def parts_view(parts: Iterable[catalog.Part]) -> list[PartView]:
    return [PartView(unit_amount_minor=row.pop("unit_amount"), **row) for row in catalog.part_rows(parts)]
