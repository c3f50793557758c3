"""A month, and a place in a list of changes, as text in an address. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from uuid import UUID

from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import FieldError, InvalidInput


def read_month(text: str) -> date:
    """The first day of a month such as 2026-03. Raises `InvalidInput`."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or text < "0002" or text >= "9999":
        raise InvalidInput(errors=[FieldError("/month", "must be a month such as 2026-03")])
    return date.fromisoformat(f"{text}-01")


def place_of(at: datetime, customer_id: UUID) -> str:
    """Where a list goes on."""
    return f"{at.isoformat()}~{public_id('cus', customer_id)}"


def read_place(text: str) -> tuple[datetime, UUID] | None:
    """What `place_of` made. Raises `InvalidInput`, and `MalformedId` for the customer in it."""
    if not text:
        return None
    instant, _, customer = text.partition("~")
    try:
        at = datetime.fromisoformat(instant)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInput(errors=[FieldError("/after", "must be the `next` of the page before")])
    return at, parse_public_id("cus", customer)
