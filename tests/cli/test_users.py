"""`autorisen users`: the only way to the first operator, refused clearly, and kept in the audit log."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import httpx
import pytest

from autorisen.accounts import CustomerNotFound, EmailAlreadyRegistered, audit_log, members_of, user_by_email
from autorisen.cli.users import NoSuchUser
from autorisen.kit.problems import InvalidInput
from autorisen.kit.unit import Runtime
from tests.cli.conftest import Command
from tests.factories.accounts import PASSWORD, make_customer, make_user, sign_in

EMAIL = "olga@operator.example"
CREATE = ("users", "create", EMAIL, "--name", "Olga")


async def test_the_first_operator_opens_the_console(
    command: Command, client: httpx.AsyncClient, runtime: Runtime
) -> None:
    made = await command(*CREATE, "--operator", typed=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    assert f"Created {EMAIL} (usr_" in made.output
    assert "an operator" in made.output
    assert PASSWORD not in made.output
    await sign_in(client, runtime, EMAIL)
    assert (await client.get("/console")).status_code == 200
    async with runtime.database.read() as tx:
        user = await user_by_email(tx, EMAIL)
        assert user is not None
        *_, entry = await audit_log(tx, target=user.public_id)
    assert (entry.actor, entry.action, entry.detail) == ("command line", "user.created", {"is_operator": True})


async def test_without_the_option_nobody_becomes_an_operator(
    command: Command, client: httpx.AsyncClient, runtime: Runtime
) -> None:
    assert (await command(*CREATE, typed=f"{PASSWORD}\r\n")).exit_code == 0
    await sign_in(client, runtime, EMAIL)
    assert (await client.get("/console")).status_code == 403


async def test_a_taken_address_is_refused(command: Command, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await make_user(unit, email=EMAIL)
    refused = await command(*CREATE, "--operator", typed=f"{PASSWORD}\n")
    assert isinstance(refused.exception, EmailAlreadyRegistered)
    async with runtime.database.read() as tx:
        user = await user_by_email(tx, EMAIL)
    assert user is not None
    assert not user.is_operator


@pytest.mark.parametrize("typed", ["", "\n", "short\n", "Password1234!\n", f"{EMAIL}\n"])
async def test_a_weak_password_is_refused(command: Command, runtime: Runtime, typed: str) -> None:
    refused = await command(*CREATE, typed=typed)
    assert isinstance(refused.exception, InvalidInput)
    assert [each.field for each in refused.exception.errors] == ["/password"]
    async with runtime.database.read() as tx:
        assert await user_by_email(tx, EMAIL) is None


async def test_a_password_is_never_an_argument(command: Command) -> None:
    assert (await command(*CREATE, "--password", PASSWORD)).exit_code == 2
    assert (await command(*CREATE, PASSWORD)).exit_code == 2


async def test_a_member_acts_for_the_customer_and_is_added_once(command: Command, runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        customer = await make_customer(unit)
        user = await make_user(unit, email=EMAIL)
    added = await command("users", "add-member", EMAIL, "acme")
    assert added.output == f"{EMAIL} acts for acme ({customer.public_id}).\n"
    again = await command("users", "add-member", EMAIL, customer.public_id)
    assert again.output == f"{EMAIL} acts for acme already.\n"
    async with runtime.database.read() as tx:
        assert [each.id for each in await members_of(tx, customer.id)] == [user.id]
        noted = [each for each in await audit_log(tx, target=customer.public_id) if each.action == "member.added"]
    assert [(each.actor, each.detail) for each in noted] == [("command line", {"user": user.public_id})]


async def test_unknown_people_and_customers_are_named(command: Command, runtime: Runtime) -> None:
    nobody = await command("users", "add-member", EMAIL, "acme")
    assert isinstance(nobody.exception, NoSuchUser)
    async with runtime.unit() as unit:
        await make_user(unit, email=EMAIL)
    for key in ("acme", f"cus_{'0' * 26}"):
        nothing = await command("users", "add-member", EMAIL, key)
        assert isinstance(nothing.exception, CustomerNotFound)
        assert key in nothing.exception.detail


async def test_a_terminal_asks_twice_and_shows_nothing(command: Command, runtime: Runtime) -> None:
    """The real command on a pseudo terminal; `command` only sets the environment."""
    here = [sys.executable, "-m", "autorisen", *CREATE, "--operator"]
    spawn = f"import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn({here!r})))"
    arguments = [sys.executable, "-c", spawn]

    def talk() -> tuple[str, int]:
        shown = b""
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for prompt in (b"Password: ", b"Repeat for confirmation: "):
                while not shown.endswith(prompt) and (letter := process.stdout.read(1)):
                    shown += letter
                process.stdin.write(f"{PASSWORD}\n".encode())
                process.stdin.flush()
            shown += process.stdout.read()
            return shown.decode(), process.wait()

    shown, code = await asyncio.wait_for(asyncio.to_thread(talk), 60)
    assert code == 0, shown
    assert "Repeat for confirmation" in shown
    assert PASSWORD not in shown
    async with runtime.database.read() as tx:
        user = await user_by_email(tx, EMAIL)
    assert user is not None
    assert user.is_operator
