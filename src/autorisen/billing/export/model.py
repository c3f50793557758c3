"""The columns of the export, and a row as text. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from autorisen.billing.tax import TAX_ZONE, percent
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money, plain

_COMMON = (
    "date", "document", "number", "invoice", "customer", "customer_name", "customer_vat_number", "country",
    "currency", "net", "vat_rate", "vat", "gross", "vat_treatment",
)  # fmt: skip
DOCUMENT_COLUMNS = (*_COMMON, "status", "due", "paid", "reason")
LINE_COLUMNS = (*_COMMON, "line", "kind", "description", "quantity", "unit", "from", "to")

# A spreadsheet would run a cell that begins so; names and reasons are what others typed.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def text_cell(text: str) -> str:
    """Text as a spreadsheet keeps it: never a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def header(*, lines: bool) -> str:
    return csv_line(LINE_COLUMNS if lines else DOCUMENT_COLUMNS)


def csv_row(row: Mapping[str, Any], *, lines: bool) -> str:
    """One document, or one line of one, as a line of CSV; what takes back is negative. Days are South African."""
    return csv_line([*_common(row), *(_line(row) if lines else _document(row))])


def csv_line(cells: Sequence[object]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet).writerow(cells)
    return sheet.getvalue()


def _common(row: Mapping[str, Any]) -> list[object]:
    customer, currency = row["customer"], row["currency"]
    return [
        _day(row["at"], TAX_ZONE),
        row["kind"],
        row["number"],
        row["invoice"],
        public_id("cus", row["customer_id"]),
        text_cell(customer["name"]),
        text_cell(customer["vat_number"]),
        customer["country"],
        currency,
        Money(row["net_minor"], currency).major,
        percent(row["tax_rate"]),
        Money(row["tax_minor"], currency).major,
        Money(row["total_minor"], currency).major,
        row["tax_treatment"],
    ]


def _document(row: Mapping[str, Any]) -> list[object]:
    return [row["status"], _day(row["due_at"], TAX_ZONE), _day(row["paid_at"], TAX_ZONE), text_cell(row["reason"])]


def _line(row: Mapping[str, Any]) -> list[object]:
    zone = ZoneInfo(row["time_zone"])
    quantity = "" if row["quantity"] is None else plain(row["quantity"])
    what = (row["line_kind"], text_cell(row["description"]), quantity, text_cell(row["unit_label"]))
    return [row["position"], *what, _day(row["period_start"], zone), _day(row["period_end"], zone)]


def _day(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).date().isoformat()
