"""A statement as a file to keep."""

from __future__ import annotations

from fastapi.responses import Response

from autorisen.ledger.statements.model import CurrencyStatement, Days, statement_table


def table_response(name: str, days: Days, found: tuple[CurrencyStatement, ...]) -> Response:
    """The statements as a CSV with a name that says whose, and which days."""
    file = f"statement-{name.replace(':', '-')}-{days.first}-{days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(statement_table(days, found), media_type="text/csv", headers=headers)
