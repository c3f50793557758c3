"""Whose billing a request is about."""

from __future__ import annotations

from uuid import UUID

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.kit.database import Tx
from autorisen.kit.problems import FieldError, InvalidInput, NotFound


async def customer_id_of(tx: Tx, principal: Principal, name: str | None) -> UUID:
    """The customer of a key or a `cus_` id, or the principal's own; somebody else's is as if there were none."""
    if name is None:
        if principal.customer_id is None:
            rule = "is required for an operator, who has no plan and no invoices"
            raise InvalidInput(errors=[FieldError("query/customer", rule)])
        return principal.customer_id
    found = (await accounts.customer_ids_by_key(tx, [name])).get(name)
    if found is None or not principal.sees(found):
        raise NotFound("no customer has that key or id")
    return found
