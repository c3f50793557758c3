"""Many customers whose month is over, and what closing it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from autorisen import metering
from autorisen.accounts import Customer
from autorisen.kit.database import Tx
from autorisen.kit.unit import Runtime
from autorisen.subscriptions import Period, current_period, start_subscription
from tests.factories.accounts import make_customer
from tests.factories.catalog import apply_shipped

# What invoices say, without ids, numbers and their order: the same for any way to close the same periods.
CONTENTS = """
SELECT customer.key, invoice.status, invoice.currency, invoice.tax_treatment, invoice.tax_rate, invoice.supplier,
    invoice.customer, invoice.time_zone, invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor,
    invoice.created_at, invoice.issued_at, invoice.due_at, period.start_at, period.end_at,
    (SELECT json_agg(to_jsonb(line) - ARRAY['id', 'invoice_id', 'rated_usage_id'] ORDER BY position)
        FROM billing.invoice_lines AS line WHERE line.invoice_id = invoice.id),
    (SELECT json_agg(to_jsonb(rated) - ARRAY['id'] ORDER BY meter, period_start, revision)
        FROM billing.rated_usage AS rated WHERE rated.customer_id = customer.id),
    (SELECT json_agg(to_jsonb(closing) - ARRAY['invoice_id'] ORDER BY period_start)
        FROM billing.closings AS closing WHERE closing.customer_id = customer.id),
    (SELECT json_agg(json_build_array(account, amount_minor, entries.currency) ORDER BY position)
        FROM ledger.entries JOIN ledger.transactions ON transactions.id = transaction_id
        WHERE reference = 'invoice:' || invoice.id || ':issued'),
    (SELECT json_agg(to_jsonb(each) - ARRAY['id', 'subscription_id', 'put_off_to'] ORDER BY start_at)
        FROM subscriptions.periods AS each WHERE each.customer_id = customer.id)
FROM accounts.customers AS customer
LEFT JOIN billing.invoices AS invoice ON invoice.customer_id = customer.id AND invoice.purpose = 'period_close'
LEFT JOIN subscriptions.periods AS period ON period.id = invoice.period_id
ORDER BY customer.key, period.start_at
"""
NUMBERS = "SELECT number FROM billing.invoices WHERE number IS NOT NULL ORDER BY number"
GRACE = timedelta(hours=1)
# What the database may say to any closing, so that it fails.
REFUSE_FUNCTION: LiteralString = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$
"""
REFUSE_ALL: LiteralString = """
CREATE TRIGGER refuse BEFORE INSERT ON billing.closings FOR EACH ROW EXECUTE FUNCTION public.refuse()
"""
REFUSE_NONE: LiteralString = "DROP TRIGGER refuse ON billing.closings"
CLOSED = "SELECT period_id, count(*) FROM billing.closings GROUP BY period_id"


@dataclass(frozen=True)
class Subscriber:
    customer: Customer
    period: Period


async def subscribers(
    runtime: Runtime, number: int, *, plans: Sequence[str] = ("pro",), start_at: datetime | None = None
) -> list[Subscriber]:
    """So many customers, `c-00` and on, on these plans in turns, each in the first period."""
    found = []
    async with runtime.unit() as unit:
        await apply_shipped(unit)
        begin = start_at or unit.now - timedelta(seconds=number)
        for place in range(number):
            customer = await make_customer(unit, key=f"c-{place:02d}")
            # A second apart, so that the order in which they are due is known.
            started = await start_subscription(
                unit, customer=customer, plan_key=plans[place % len(plans)], start_at=begin + timedelta(seconds=place)
            )
            found.append(Subscriber(customer, await current_period(unit.tx, started.id)))
    return found


async def run_agents(
    runtime: Runtime, customer: Customer, executions: int, *, at: datetime, prefix: str = "run"
) -> None:
    """So many agent executions at one instant."""
    events = [
        metering.new_event(
            {
                "specversion": "1.0",
                "id": f"{customer.key}-{prefix}-{number}",
                "source": "tests",
                "type": "agent.execution",
                "subject": customer.key,
                "time": at.isoformat().replace("+00:00", "Z"),
                "data": {},
            }
        )
        for number in range(executions)
    ]
    async with runtime.unit() as unit:
        assert (await metering.ingest(unit, None, events)).accepted == executions


async def contents(tx: Tx) -> list[Any]:
    return list(await (await tx.execute(CONTENTS)).fetchall())


async def numbers(tx: Tx) -> list[str]:
    return [number for (number,) in await (await tx.execute(NUMBERS)).fetchall()]


async def closed_once(tx: Tx) -> int:
    """How many periods are closed; each once, or this fails."""
    found: dict[UUID, int] = dict(await (await tx.execute(CLOSED)).fetchall())
    assert set(found.values()) <= {1}
    return len(found)


async def refuse_all(runtime: Runtime) -> None:
    """Have no period close from now on."""
    async with runtime.unit() as unit:
        await unit.tx.execute(REFUSE_FUNCTION)
        await unit.tx.execute(REFUSE_ALL)


async def refuse_none(runtime: Runtime) -> None:
    """Let them close again."""
    async with runtime.unit() as unit:
        await unit.tx.execute(REFUSE_NONE)
