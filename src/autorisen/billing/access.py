"""Whose billing a request of the machine interface may see or change, and how it is refused."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.errors import InvoiceNotFound
from autorisen.billing.model import Invoice
from autorisen.billing.read_invoices import invoice as issued_invoice
from autorisen.billing.whose import customer_id_of
from autorisen.kit.database import Tx
from autorisen.kit.ids import MalformedId, parse_public_id
from autorisen.kit.problems import FieldError, InvalidInput, NotAllowed
from autorisen.kit.unit import Runtime

Responses = dict[int | str, dict[str, Any]]


# What every operation may answer besides stands in `kit.openapi`.
REFUSALS: Responses = {
    404: {"description": "There is none, or it belongs to somebody else"},
    409: {"description": "It can't be done now; `code` and `detail` say why"},
}
PDF: Responses = {200: {"content": {"application/pdf": {}}, "description": "The document"}}

EVIDENCE: Responses = {200: {"content": {"application/jsonl": {}}, "description": "One JSON record a line"}}

Reads = Annotated[Principal, Depends(api_key_or_session(Scope.BILLING_READ))]
Changes = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
CustomerName = Annotated[
    str | None,
    Query(max_length=120, description="Key or cus_ id of a customer; operators name one, others need not"),
]


def require_operator(principal: Principal, what: str) -> None:
    """Raises `NotAllowed` for everybody else: `what` says what only operators do."""
    if not principal.is_operator:
        raise NotAllowed(f"only the operator {what}")


def sees_all(principal: Principal) -> bool:
    return principal.is_operator and principal.customer_id is None


async def listed_customer(tx: Tx, principal: Principal, name: str | None) -> UUID | None:
    """As `customer_id_of`, and None, which is all of them, for an operator who names none."""
    return None if sees_all(principal) and name is None else await customer_id_of(tx, principal, name)


async def visible_invoice(runtime: Runtime, principal: Principal, text: str) -> Invoice:
    """An issued invoice that the caller may see. Raises `InvoiceNotFound`."""
    invoice_id = parse_public_id("inv", text)
    async with runtime.database.read() as tx:
        invoice = await issued_invoice(tx, invoice_id)
    if not principal.sees(invoice.customer_id):
        raise InvoiceNotFound(f"there is no {text}")
    return invoice


def cursor(prefix: str, text: str | None) -> UUID | None:
    """The id behind `after`."""
    try:
        return None if text is None else parse_public_id(prefix, text)
    except MalformedId:
        raise InvalidInput(errors=[FieldError("query/after", f"must be an {prefix}_ id")]) from None
