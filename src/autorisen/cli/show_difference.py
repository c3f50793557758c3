"""What a rehearsal found, as tables."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console
from rich.table import Table

from autorisen.kit.money import Money
from autorisen.ops import CustomerDifference, Difference, Standing

_CUSTOMERS_SHOWN = 100
_UNKNOWN_SHOWN = 10


def show_difference(console: Console, difference: Difference) -> None:
    """Usage and money of every customer before and after, the adjustments of closed periods, and who is unknown."""
    _show_unknown(console, difference)
    changed = [each for each in difference.customers if each.meters() or each.before != each.after]
    if not changed:
        console.print("No customer's usage and no invoice would change.")
        return
    rehearsal = difference.rehearsal
    title = f"Usage from {rehearsal.start_at:%Y-%m-%d %H:%M} to {rehearsal.end_at:%Y-%m-%d %H:%M} UTC"
    usage = Table("customer", "meter", "before", "after", "difference", title=title, title_justify="left")
    money = Table("customer", "", "before", "after", "difference", title="Money", title_justify="left")
    for table in (usage, money):
        for column in table.columns[2:]:
            column.justify = "right"
    for each in changed[:_CUSTOMERS_SHOWN]:
        for meter in each.meters():
            _usage_row(usage, each, meter)
        _money_rows(money, each)
    console.print(usage)
    if money.row_count:
        console.print(money)
    if len(changed) > _CUSTOMERS_SHOWN:
        console.print(f"… and {len(changed) - _CUSTOMERS_SHOWN:,} customers more.")
    for line in _totals(changed):
        console.print(line, highlight=False)


def _show_unknown(console: Console, difference: Difference) -> None:
    unknown = difference.unknown
    if unknown:
        names = ", ".join(unknown[:_UNKNOWN_SHOWN]) + (", …" if len(unknown) > _UNKNOWN_SHOWN else "")
        console.print(
            f"{len(unknown):,} subject(s) are no customer's: {names}. Their events are kept and count as soon as a "
            "customer of that key is created.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _usage_row(table: Table, each: CustomerDifference, meter: str) -> None:
    before = each.before.quantities.get(meter, Decimal(0))
    after = each.after.quantities.get(meter, Decimal(0))
    table.add_row(each.customer.key, meter, f"{before:,f}", f"{after:,f}", f"{after - before:+,f}")


def _money_rows(table: Table, each: CustomerDifference) -> None:
    for name, before, after in (
        ("cost so far", each.before.cost_so_far, each.after.cost_so_far),
        ("next invoice", each.before.next_invoice, each.after.next_invoice),
    ):
        if before is not None and after is not None:
            table.add_row(each.customer.key, name, before.format(), after.format(), _signed(after - before))
    earlier = _adjustments(each.before)
    for (meter, start), after in sorted(_adjustments(each.after).items()):
        before = earlier.pop((meter, start), Money.zero(after.currency))
        if before != after:
            _adjustment_row(table, each, meter, start, before, after)
    for (meter, start), before in sorted(earlier.items()):
        _adjustment_row(table, each, meter, start, before, Money.zero(before.currency))


def _adjustments(standing: Standing) -> dict[tuple[str, str], Money]:
    return {(each.meter, f"{each.period_start:%Y-%m-%d}"): each.amount for each in standing.adjustments}


def _adjustment_row(
    table: Table, each: CustomerDifference, meter: str, start: str, before: Money, after: Money
) -> None:
    what = f"adjustment of {meter}, closed period from {start}"
    table.add_row(each.customer.key, what, before.format(), after.format(), _signed(after - before))


def _totals(changed: list[CustomerDifference]) -> list[str]:
    totals: dict[str, Money] = {}
    count = 0
    for each in changed:
        before, after = each.before.next_invoice, each.after.next_invoice
        if before is not None and after is not None and before != after:
            count += 1
            totals[after.currency] = totals.get(after.currency, Money.zero(after.currency)) + (after - before)
    return [f"{count:,} next invoice(s) would change, in all by {_signed(total)}." for total in totals.values()]


def _signed(amount: Money) -> str:
    return f"+{amount.format()}" if Money.zero(amount.currency) < amount else amount.format()
