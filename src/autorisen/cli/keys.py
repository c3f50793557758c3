"""`autorisen keys`: API keys of programs."""

from __future__ import annotations

from typing import Annotated

import typer

from autorisen import accounts
from autorisen.cli.find_customer import ACTOR, find_customer
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime

app = typer.Typer(help="API keys of programs.", no_args_is_help=True)

SCOPES = ", ".join(accounts.Scope)


@app.callback()
def keys() -> None:
    """API keys of programs."""


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help=f"What the key may do: {SCOPES}. May be given several times.")],
    customer: Annotated[
        str | None, typer.Option(help="Key or cus_ id of the only customer that it sees; all when left out.")
    ] = None,
) -> None:
    """Make a key. Its secret is printed this once, alone on standard output."""
    key, secret, whose = with_runtime(lambda runtime: _create(runtime, name, scope, customer))
    typer.echo(f"Created {key.public_id} {key.name!r} for {whose}: {', '.join(key.scopes)}. Keep its secret:", err=True)
    typer.echo(secret)


async def _create(
    runtime: Runtime, name: str, scopes: list[str], customer_key: str | None
) -> tuple[accounts.ApiKey, str, str]:
    async with runtime.unit() as unit:
        customer = None if customer_key is None else await find_customer(unit.tx, customer_key)
        key, secret = await accounts.create_api_key(
            unit, customer_id=customer.id if customer else None, name=name, scopes=scopes, actor=ACTOR
        )
    return key, secret, f"customer {customer.key}" if customer else "the operator"
