"""Customers: create one, find them, change their billing details."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from autorisen.accounts import store
from autorisen.accounts.audit import record_audit
from autorisen.accounts.errors import CustomerKeyTaken, CustomerNotFound
from autorisen.accounts.facts import CustomerCreated
from autorisen.accounts.input_rules import Checks, key_from_name, time_zone_of
from autorisen.accounts.model import Customer, Principal
from autorisen.kit.database import Tx
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.unit import Unit
from autorisen.kit.work import record


async def create_customer(
    unit: Unit,
    *,
    key: str,
    name: str,
    email: str,
    country: str = "ZA",
    currency: str = "ZAR",
    time_zone: str | None = None,
    actor: str = "system",
) -> Customer:
    """Create a customer under a key of the caller's choice.

    Raises `InvalidInput` naming each broken rule, `CustomerKeyTaken` when the key is in use.
    """
    checks = Checks()
    key = checks.key("key", key)
    values = _checked(checks, name, email, country, currency, time_zone)
    checks.done()
    customer = await _insert(unit, key, values, actor)
    if customer is None:
        raise CustomerKeyTaken(f"choose another key than {key}")
    return customer


async def create_customer_named(
    unit: Unit, *, name: str, email: str, country: str, currency: str, actor: str
) -> Customer:
    """Create a customer under a free key derived from its name."""
    checks = Checks()
    values = _checked(checks, name, email, country, currency, None)
    checks.done()
    for key in _candidates(key_from_name(name), unit):
        customer = await _insert(unit, key, values, actor)
        if customer is not None:
            return customer
    raise CustomerKeyTaken("choose another company name")  # pragma: no cover -- needs 48 random bits to collide


def _checked(
    checks: Checks, name: str, email: str, country: str, currency: str, time_zone: str | None
) -> dict[str, str]:
    return {
        "name": checks.line("name", name),
        "email": checks.email("email", email),
        "country": checks.country("country", country),
        "currency": checks.currency("currency", currency),
        "time_zone": checks.time_zone("time_zone", time_zone_of(country) if time_zone is None else time_zone),
    }


def _candidates(wanted: str, unit: Unit) -> Iterable[str]:
    yield wanted
    for number in range(2, 6):
        yield f"{wanted}-{number}"
    yield f"{wanted}-{unit.ids.bytes(6).hex()}"


async def _insert(unit: Unit, key: str, values: dict[str, str], actor: str) -> Customer | None:
    customer = await store.insert_customer(unit.tx, id=unit.ids.new(), key=key, created_at=unit.now, **values)
    if customer is not None:
        await record_audit(unit, actor=actor, action="customer.created", target=customer.public_id)
        await record(unit, CustomerCreated(customer_id=customer.id, key=customer.key))
    return customer


async def update_customer(
    unit: Unit,
    *,
    customer_id: UUID,
    name: str,
    email: str,
    country: str,
    time_zone: str,
    billing_address: str,
    vat_number: str,
    actor: str,
) -> Customer:
    """Change what a tax invoice says about the customer. Issued invoices keep what they said.

    Raises `InvalidInput` naming each broken rule, `CustomerNotFound`.
    """
    checks = Checks()
    values = {
        "name": checks.line("name", name),
        "email": checks.email("email", email),
        "country": checks.country("country", country),
        "time_zone": checks.time_zone("time_zone", time_zone),
        "billing_address": checks.lines("billing_address", billing_address),
        "vat_number": checks.vat_number("vat_number", vat_number),
    }
    checks.done()
    customer = await store.update_customer(unit.tx, id=customer_id, **values)
    if customer is None:
        raise CustomerNotFound
    await record_audit(unit, actor=actor, action="customer.updated", target=customer.public_id)
    return customer


async def customer(tx: Tx, id: UUID) -> Customer:
    """Raises `CustomerNotFound`."""
    found = await store.customer(tx, id)
    if found is None:
        raise CustomerNotFound(f"there is no {public_id('cus', id)}")
    return found


async def customer_for(tx: Tx, principal: Principal, id: UUID) -> Customer:
    """The customer, if the principal may know of it. Raises `CustomerNotFound` for others' as for none."""
    if not principal.sees(id):
        raise CustomerNotFound(f"there is no {public_id('cus', id)}")
    return await customer(tx, id)


async def customers_by_id(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Customer]:
    """Those of the customers that exist."""
    return {each.id: each for each in await store.customers_by_id(tx, list(ids))}


async def customer_ids_by_key(tx: Tx, keys: Sequence[str]) -> dict[str, UUID]:
    """The ids behind customer keys and `cus_` ids, under the text that was given; unknown ones are left out."""
    names, ids = [], {}
    for key in keys:
        try:
            ids[key] = parse_public_id("cus", key)
        except MalformedId:
            if "\x00" not in key:
                names.append(key)
    found = await store.customer_ids_by_key(tx, names) if names else {}
    if ids:
        existing = await store.existing_customer_ids(tx, list(ids.values()))
        found.update({key: id for key, id in ids.items() if id in existing})
    return found


async def list_customers(tx: Tx, *, search: str = "", after: UUID | None = None, limit: int = 50) -> list[Customer]:
    """Customers, newest first; `search` matches name, key and e-mail; `after` is the last id of the page before."""
    return await store.list_customers(tx, search=search.replace("\x00", ""), after=after, limit=limit)


async def count_customers(tx: Tx) -> int:
    return await store.count_customers(tx)
