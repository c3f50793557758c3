"""Where a line of a statement leads: to the page of what it is about, by the reference of its posting. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.ledger.statements.model import CurrencyStatement


@dataclass(frozen=True)
class Places:
    """Pages by the first word of a reference: `rows` where a public id of that prefix follows, or `whole` ones."""

    rows: Mapping[str, tuple[str, str]]
    whole: Mapping[str, str]


CUSTOMERS = Places(
    {
        "invoice": ("/app/invoices/", "inv"),
        "credit_note": ("/app/credit-notes/", "crn"),
        "payment": ("/app/payments/", "pay"),
    },
    {"wallet": "/app/credits#movements"},
)
OPERATORS = Places(
    {
        "invoice": ("/console/invoices/", "inv"),
        "credit_note": ("/console/invoices/credit-notes/", "crn"),
        "payment": ("/console/payments/", "pay"),
    },
    {"recognition": "/console/deferred-revenue"},
)


def operators_places(customer_id: str) -> Places:
    """An operator's, about one customer, whose public id it is."""
    credits = {"wallet": f"/console/customers/{customer_id}/credits"}
    return Places(OPERATORS.rows, {**OPERATORS.whole, **credits})


def links_of(statements: Sequence[CurrencyStatement], places: Places) -> dict[str, str]:
    """The address of each line that leads somewhere, by its reference."""
    references = {line.reference for each in statements for line in each.lines}
    return {reference: address for reference in references if (address := _link(reference, places))}


def _link(reference: str, places: Places) -> str:
    kind, name, *_ = [*reference.split(":"), ""]
    if kind not in places.rows:
        return places.whole.get(kind, "")
    path, prefix = places.rows[kind]
    try:
        return path + public_id(prefix, UUID(name))
    except ValueError:
        return ""
