"""What other rooms call: look-ups of customers and people, keys, attempts that are forgotten."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from argon2 import PasswordHasher

from autorisen import accounts
from autorisen.accounts.api_keys import KeyCache
from autorisen.accounts.errors import WrongCredentials
from autorisen.accounts.log_in import _sign_in, log_in
from autorisen.accounts.passwords import HashedPassword, needs_rehash
from autorisen.accounts.store import credentials_by_email
from autorisen.accounts.throttle import LOGIN_RULES, count_attempts, forget_old_attempts
from autorisen.kit.clock import FrozenClock
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Runtime, Unit
from tests.factories.accounts import PASSWORD, make_customer, make_member, make_user


async def test_keys_and_public_ids_lead_to_customers(unit: Unit) -> None:
    acme, other = await make_customer(unit, key="acme"), await make_customer(unit, key="other")
    nobody = public_id("cus", UUID(int=7))
    asked = ["acme", other.public_id, "unknown", nobody, "cus_nonsense", "a\x00b", "Acme"]
    found = await accounts.customer_ids_by_key(unit.tx, asked)
    assert found == {"acme": acme.id, other.public_id: other.id}
    assert await accounts.customer_ids_by_key(unit.tx, []) == {}
    assert await accounts.customers_by_id(unit.tx, [acme.id, UUID(int=7)]) == {acme.id: acme}
    assert await accounts.customer(unit.tx, other.id) == other
    assert await accounts.count_customers(unit.tx) == 2
    with pytest.raises(accounts.CustomerNotFound):
        await accounts.customer(unit.tx, UUID(int=7))
    with pytest.raises(accounts.CustomerNotFound):
        await accounts.update_customer(
            unit, customer_id=UUID(int=7), name="A", email="a@b.example", country="ZA", time_zone="UTC",
            billing_address="", vat_number="", actor="tests",
        )  # fmt: skip


async def test_equal_company_names_get_keys_of_their_own(unit: Unit) -> None:
    keys = []
    for number in range(7):
        _, customer = await accounts.sign_up(
            unit, email=f"n{number}@acme.example", password=PASSWORD, name="N", company_name="Acme"
        )
        keys.append(customer.key)
    assert keys[:5] == ["acme", "acme-2", "acme-3", "acme-4", "acme-5"]
    assert len(set(keys)) == 7


async def test_a_member_is_added_once(unit: Unit) -> None:
    customer = await make_customer(unit)
    ann = await make_member(unit, customer.id)
    await accounts.add_member(unit, customer_id=customer.id, user_id=ann.id)
    assert await accounts.members_of(unit.tx, customer.id) == [ann]
    assert ann.public_id.startswith("usr_")
    with pytest.raises(accounts.EmailAlreadyRegistered):
        await make_user(unit, email="ANN@acme.example")


async def test_who_is_disabled_while_the_password_is_verified_gets_no_session(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        ann = await make_user(unit)
        credentials = await credentials_by_email(unit.tx, ann.email)
        assert credentials is not None
        await accounts.disable_user(unit, user_id=ann.id, actor="tests")
    async with runtime.unit() as unit:
        with pytest.raises(WrongCredentials):
            await _sign_in(unit, credentials, email=ann.email, ip="127.0.0.1", user_agent="tests", replaces=None)


async def test_what_was_done_is_in_the_audit_log(unit: Unit) -> None:
    customer = await make_customer(unit)
    await accounts.record_audit(unit, actor="tests", action="looked", target=customer.public_id, detail={"n": 1})
    entries = await accounts.audit_log(unit.tx, target=customer.public_id)
    assert [(entry.action, entry.actor, entry.detail) for entry in entries] == [
        ("looked", "tests", {"n": 1}),
        ("customer.created", "system", {}),
    ]
    assert entries[0].at == unit.wall_now


async def test_an_old_hash_is_renewed_at_the_next_sign_in(runtime: Runtime) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with runtime.unit() as unit:
        await accounts.create_user(unit, email="ann@acme.example", password=HashedPassword(weak), name="Ann")
    await log_in(runtime, email="ann@acme.example", password=PASSWORD, ip="::1", user_agent="")
    async with runtime.database.read() as tx:
        stored = await credentials_by_email(tx, "ann@acme.example")
    assert stored is not None
    assert stored.password_hash != weak
    assert not needs_rehash(stored.password_hash)
    await log_in(runtime, email="ann@acme.example", password=PASSWORD, ip="::1", user_agent="")


async def test_counters_are_forgotten_when_their_window_is_long_over(runtime: Runtime, clock: FrozenClock) -> None:
    async def counters() -> int:
        async with runtime.database.read() as tx:
            row = await (await tx.execute("SELECT count(*) FROM accounts.attempts")).fetchone()
        assert row is not None
        return int(row[0])

    await count_attempts(runtime, LOGIN_RULES, email="ann@acme.example", ip="::1")
    for hours, left in ((1, 3), (3, 0)):
        clock.advance(timedelta(hours=hours))
        async with runtime.unit() as unit:
            await forget_old_attempts(unit, {})
        assert await counters() == left


def test_the_cache_of_keys_stays_small(clock: FrozenClock) -> None:
    cache, until = KeyCache(), clock.now() + timedelta(seconds=5)
    someone = accounts.Principal(kind="key")
    for number in range(5_000):
        cache.put(number.to_bytes(4, "big"), someone, until)
    held = sum(cache.get(number.to_bytes(4, "big"), clock.now()) is not None for number in range(5_000))
    assert 0 < held <= 4_096
    assert cache.get((4_999).to_bytes(4, "big"), until) is None


async def test_signing_out_without_a_session_is_fine(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/auth/logout")
    assert answer.status_code == 204
