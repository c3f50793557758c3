"""How commands name a customer, and whom the audit log names for what commands do."""

from __future__ import annotations

from autorisen import accounts
from autorisen.kit.database import Tx

ACTOR = "command line"


async def find_customer(tx: Tx, key: str) -> accounts.Customer:
    """The customer of a key or a `cus_` id. Raises `CustomerNotFound`."""
    known = await accounts.customer_ids_by_key(tx, [key])
    if key not in known:
        raise accounts.CustomerNotFound(f"{key} is neither the key nor the cus_ id of a customer")
    return await accounts.customer(tx, known[key])
