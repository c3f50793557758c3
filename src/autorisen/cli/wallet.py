"""`autorisen wallet`: prepaid credits of a customer, and giving some."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autorisen import accounts, billing
from autorisen.billing import Grant, GrantKind, Wallet
from autorisen.cli.find_customer import ACTOR, find_customer
from autorisen.cli.session import with_runtime
from autorisen.kit.unit import Runtime

app = typer.Typer(help="Prepaid credits.", no_args_is_help=True)

Customer = Annotated[str, typer.Argument(help="The key or cus_ id of a customer.")]


@app.callback()
def wallet_commands() -> None:
    """Prepaid credits."""


@app.command()
def show(customer: Customer) -> None:
    """Print the balance and every grant, in the order in which invoices use them."""
    found = with_runtime(lambda runtime: _show(runtime, customer))
    typer.echo(f"{found.customer.name} has {found.balance} of credits.")
    for other in found.others:
        typer.echo(f"And {other}, for which there are no invoices.")
    if found.is_empty:
        typer.echo("There never were any; see `autorisen wallet grant --help`.")
        return
    table = Table("Grant", "Kind", "Since", "Expires", "Reason")
    for heading in ("Of", "Left"):
        table.add_column(heading, justify="right")
    for each in (*found.usable, *found.past):
        expires = f"{each.expires_at:%Y-%m-%d %H:%M}" if each.expires_at else "never"
        since = f"{each.granted_at:%Y-%m-%d}"
        table.add_row(each.public_id, each.kind, since, expires, each.reason, str(each.amount), str(each.remaining))
    Console(width=160).print(table)


@app.command()
def grant(
    customer: Customer,
    amount: Annotated[str, typer.Argument(help="In the customer's currency, such as 250.00.")],
    reason: Annotated[str, typer.Option(help="Why; the customer sees it.")],
    kind: Annotated[GrantKind, typer.Option(help="goodwill or promotional.")] = GrantKind.GOODWILL,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="How long they live; for ever without.")] = None,
    key: Annotated[str, typer.Option(help="Makes a repeated command one grant.")] = "",
) -> None:
    """Give a customer credits."""
    if kind not in (GrantKind.GOODWILL, GrantKind.PROMOTIONAL):
        raise typer.BadParameter("only goodwill and promotional credits are given; others are paid for")

    async def give(runtime: Runtime) -> Grant:
        async with runtime.unit() as unit:
            owner = await find_customer(unit.tx, customer)
            made = await billing.grant_credits(
                unit,
                customer_id=owner.id,
                kind=kind,
                amount=billing.read_amount(amount, owner.currency, "amount"),
                source=f"operator:{key or unit.ids.new()}",
                reason=reason,
                expires_at=None if days is None else unit.now + timedelta(days=days),
            )
            detail = {"grant": made.public_id, "amount": str(made.amount), "reason": reason}
            await accounts.record_audit(
                unit, actor=ACTOR, action="credits.grant", target=owner.public_id, detail=detail
            )
        return made

    made = with_runtime(give)
    typer.echo(f"{made.public_id}: {made.amount} granted.")


async def _show(runtime: Runtime, key: str) -> Wallet:
    async with runtime.database.read() as tx:
        return await billing.read_wallet(tx, (await find_customer(tx, key)).id, runtime.clock.now())
