"""`autorisen users`: people who sign in. The only place that makes operators."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autorisen import accounts
from autorisen.cli.find_customer import ACTOR, find_customer
from autorisen.cli.session import with_runtime
from autorisen.kit.problems import NotFound
from autorisen.kit.unit import Runtime

app = typer.Typer(help="People who sign in, operators among them.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The e-mail address that the person signs in with.")]


class NoSuchUser(NotFound):
    title = "There is no such user"


@app.callback()
def users() -> None:
    """People who sign in, operators among them."""


@app.command()
def create(
    email: Email,
    name: Annotated[str, typer.Option(help="The person's name.")],
    operator: Annotated[bool, typer.Option("--operator", help="The person runs the platform.")] = False,
) -> None:
    """Create a person. The password is asked for twice, or read as the first line of standard input."""
    password = _password()
    user = with_runtime(lambda runtime: _create(runtime, email, name, password, operator=operator))
    role = "an operator" if user.is_operator else "a person without a customer; see `autorisen users add-member`"
    typer.echo(f"Created {user.email} ({user.public_id}), {role}.")


@app.command("add-member")
def add_member(
    email: Email,
    customer: Annotated[str, typer.Argument(help="Key or cus_ id of the customer.")],
) -> None:
    """Let a person act for a customer; who has several acts for the first. Done twice, nothing changes twice."""
    typer.echo(with_runtime(lambda runtime: _add_member(runtime, email, customer)))


def _password() -> str:
    """Never an argument: those are seen by everybody on the machine and kept by the shell."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


async def _create(runtime: Runtime, email: str, name: str, password: str, *, operator: bool) -> accounts.User:
    async with runtime.unit() as unit:
        return await accounts.create_user(
            unit, email=email, password=password, name=name, is_operator=operator, actor=ACTOR
        )


async def _add_member(runtime: Runtime, email: str, key: str) -> str:
    async with runtime.unit() as unit:
        user = await accounts.user_by_email(unit.tx, email)
        if user is None:
            raise NoSuchUser(f"nobody signs in as {email}")
        customer = await find_customer(unit.tx, key)
        if user.id in {each.id for each in await accounts.members_of(unit.tx, customer.id)}:
            return f"{user.email} acts for {customer.key} already."
        await accounts.add_member(unit, customer_id=customer.id, user_id=user.id)
        detail = {"user": user.public_id}
        await accounts.record_audit(unit, actor=ACTOR, action="member.added", target=customer.public_id, detail=detail)
    return f"{user.email} acts for {customer.key} ({customer.public_id})."
