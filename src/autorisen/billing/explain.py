"""Why a line says what it says: the price version, the rated quantity and the days behind it."""

from __future__ import annotations

from dataclasses import dataclass

from autorisen import catalog, metering
from autorisen.billing import store_rated
from autorisen.billing.model import Invoice, Line, RatedUsage
from autorisen.kit.database import Tx


@dataclass(frozen=True)
class Explanation:
    """One line with its reasons. `before` is what was billed earlier, for a correction; `days` add up to the quantity
    of `rated` as long as no event came after it."""

    line: Line
    plan: catalog.PlanVersion | None = None
    rated: RatedUsage | None = None
    before: RatedUsage | None = None
    days: tuple[metering.Bucket, ...] = ()


async def explain(tx: Tx, invoice: Invoice) -> list[Explanation]:
    """The reasons of every line, in the order of the invoice."""
    return [await _explain_line(tx, invoice, line) for line in invoice.lines]


async def _explain_line(tx: Tx, invoice: Invoice, line: Line) -> Explanation:
    rated = None if line.rated_usage_id is None else await store_rated.rated_usage(tx, line.rated_usage_id)
    if rated is None:
        return Explanation(line)
    return Explanation(
        line=line,
        plan=await catalog.plan_version(tx, rated.plan_version_id),
        rated=rated,
        before=await _before(tx, rated),
        days=tuple(
            await metering.series(
                tx,
                customer_id=invoice.customer_id,
                meter=rated.meter,
                start=rated.period_start,
                end=rated.period_end,
                bucket="day",
                time_zone=invoice.time_zone,
            )
        ),
    )


async def _before(tx: Tx, rated: RatedUsage) -> RatedUsage | None:
    if rated.revision == 1:
        return None
    return await store_rated.rated_revision(
        tx, period_id=rated.period_id, meter=rated.meter, revision=rated.revision - 1
    )
