"""What the database itself refuses, whatever the program does."""

from __future__ import annotations

from uuid import UUID

import pytest
from psycopg import errors

from autorisen.kit.unit import Runtime
from autorisen.payments.model import NEXT, PaymentStatus
from tests.factories.payments import a_checkout, a_customer

INSERT = (
    "INSERT INTO payments.payments (id, customer_id, kind, gateway, mode, reference, attempt, amount_minor, currency,"
    " description, status, provider_id, failure_code, created_at, updated_at, succeeded_at) SELECT %(id)s,"
    " customer_id, kind, gateway, mode, reference, %(attempt)s, %(amount)s, currency, description, %(status)s,"
    " %(provider_id)s, %(code)s, created_at, updated_at, %(paid_at)s FROM payments.payments LIMIT 1"
)


@pytest.fixture
async def customer_id(runtime: Runtime) -> UUID:
    """A customer with one payment under way."""
    id = await a_customer(runtime)
    await a_checkout(runtime, id)
    return id


async def test_the_states_table_of_the_database_is_the_programs(runtime: Runtime) -> None:
    async with runtime.database.read() as tx:
        rows = await (await tx.execute("SELECT from_status, to_status FROM payments.allowed_steps")).fetchall()
    assert set(rows) == {(before, after) for before, afters in NEXT.items() for after in afters}


async def refuses(runtime: Runtime, statement: str, values: dict[str, object], error: type[Exception]) -> None:
    """The statement is refused with this error, and leaves nothing behind."""
    async with runtime.unit() as unit:
        with pytest.raises(error):
            async with unit.tx.transaction():
                await unit.tx.execute(statement.encode(), values)


MOVE = (
    "UPDATE payments.payments SET status = %(to)s::text, failure_code = CASE WHEN %(to)s = 'failed' THEN 'x' END,"
    " succeeded_at = CASE WHEN %(to)s IN ('succeeded', 'refunded', 'disputed') THEN now() END"
)
WAY = {
    "pending": [],
    "requires_action": ["requires_action"],
    "processing": ["processing"],
    "failed": ["failed"],
    "succeeded": ["succeeded"],
    "refunded": ["succeeded", "refunded"],
    "disputed": ["succeeded", "disputed"],
}


@pytest.mark.parametrize("before", list(NEXT))
async def test_every_step_back_is_refused(runtime: Runtime, customer_id: UUID, before: PaymentStatus) -> None:
    """Each cell that the state table does not have, tried on a row."""
    async with runtime.unit() as unit:
        for status in WAY[before]:
            await unit.tx.execute(MOVE, {"to": status})
    for after in set(NEXT) - set(NEXT[before]):
        await refuses(runtime, MOVE, {"to": after}, errors.RestrictViolation)


GOOD: dict[str, object] = {
    "id": UUID(int=7),
    "attempt": 2,
    "amount": 1,
    "status": "failed",
    "provider_id": None,
    "code": "x",
    "paid_at": None,
}


async def test_what_else_the_database_refuses(runtime: Runtime, customer_id: UUID) -> None:
    wrong: list[tuple[dict[str, object], type[Exception]]] = [
        ({"status": "pending", "code": None}, errors.UniqueViolation),  # a second live payment
        ({"attempt": 1}, errors.UniqueViolation),
        ({"attempt": 0}, errors.CheckViolation),
        ({"amount": 0}, errors.CheckViolation),
        ({"code": None}, errors.CheckViolation),  # a failure without its code
        ({"status": "succeeded", "code": None}, errors.CheckViolation),  # a success without its time
        ({"status": "paid", "code": None}, errors.CheckViolation),
    ]
    for changes, error in wrong:
        await refuses(runtime, INSERT, GOOD | changes, error)
    async with runtime.unit() as unit:
        await unit.tx.execute(INSERT, GOOD | {"provider_id": "sch_1"})
    again = GOOD | {"id": UUID(int=8), "attempt": 3, "provider_id": "sch_1"}
    await refuses(runtime, INSERT, again, errors.UniqueViolation)


async def test_terms_and_history_are_fixed(runtime: Runtime, customer_id: UUID) -> None:
    for statement in (
        "UPDATE payments.payments SET amount_minor = 1",
        "UPDATE payments.payments SET reference = 'other'",
        "DELETE FROM payments.payments",
        "TRUNCATE payments.payments CASCADE",
        "UPDATE payments.history SET cause = ''",
        "DELETE FROM payments.history",
        "UPDATE payments.allowed_steps SET to_status = 'pending'",
    ):
        await refuses(runtime, statement, {}, errors.RestrictViolation)


async def test_no_customer_has_two_default_cards(runtime: Runtime, customer_id: UUID) -> None:
    insert = (
        "INSERT INTO payments.payment_methods"
        " VALUES (%(id)s, %(customer)s, 'sandbox', %(id)s::text, 'visa', %(last4)s, 12, 2030, true, now())"
    )
    first = {"id": UUID(int=1), "customer": customer_id, "last4": "4242"}
    async with runtime.unit() as unit:
        await unit.tx.execute(insert, first)
    await refuses(runtime, insert, first | {"id": UUID(int=2)}, errors.UniqueViolation)
    await refuses(runtime, insert, first | {"id": UUID(int=3), "last4": "4242424242424242"}, errors.CheckViolation)
