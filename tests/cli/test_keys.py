"""`autorisen keys`: a key that opens what it says, its secret shown once and alone."""

from __future__ import annotations

import httpx
import pytest

from autorisen.accounts import CustomerNotFound, audit_log, list_api_keys
from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Runtime
from tests.cli.conftest import Command
from tests.factories.accounts import make_customer


async def seen(client: httpx.AsyncClient, secret: str) -> list[str]:
    answer = await client.get("/api/customers", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, answer.text
    return sorted(each["key"] for each in answer.json()["customers"])


@pytest.fixture(autouse=True)
async def customers(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_customer(unit, key="acme")
        await make_customer(unit, key="bolt")


async def test_a_key_of_the_operator_sees_all(command: Command, client: httpx.AsyncClient, runtime: Runtime) -> None:
    made = await command("keys", "create", "--name", "all", "--scope", "billing:read", "--scope", "usage:read")
    assert made.exit_code == 0, made.output
    secret = made.stdout.removesuffix("\n")
    assert secret.startswith("ark_live_")
    assert "\n" not in secret
    assert secret not in made.stderr
    assert await seen(client, secret) == ["acme", "bolt"]
    async with runtime.database.read() as tx:
        (key,) = await list_api_keys(tx, None)
        (entry,) = await audit_log(tx, target=key.public_id)
    assert key.public_id in made.stderr
    assert (key.name, key.scopes) == ("all", ("billing:read", "usage:read"))
    assert (entry.actor, entry.action) == ("command line", "api_key.created")


async def test_a_key_of_a_customer_sees_that_customer_only(command: Command, client: httpx.AsyncClient) -> None:
    made = await command("keys", "create", "--name", "one", "--scope", "billing:read", "--customer", "bolt")
    assert await seen(client, made.stdout.strip()) == ["bolt"]


async def test_what_is_unknown_makes_no_key(command: Command, runtime: Runtime) -> None:
    strange = await command("keys", "create", "--name", "one", "--scope", "everything")
    assert isinstance(strange.exception, InvalidInput)
    assert strange.exception.errors[0].field == "/scopes"
    nowhere = await command("keys", "create", "--name", "one", "--scope", "admin", "--customer", "nobody")
    assert isinstance(nowhere.exception, CustomerNotFound)
    assert (await command("keys", "create", "--name", "one")).exit_code == 2
    async with runtime.database.read() as tx:
        assert await list_api_keys(tx, None) == []
