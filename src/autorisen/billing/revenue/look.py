"""Look at revenue: as far as it is counted, and have the rest counted in the background."""

from __future__ import annotations

from autorisen.billing.revenue.count_revenue import count_now
from autorisen.billing.revenue.errors import RevenueBeingCounted
from autorisen.billing.revenue.read_revenue import read_revenue
from autorisen.billing.revenue.report import RevenueReport
from autorisen.kit.unit import Runtime


async def look(runtime: Runtime, *, months: int) -> RevenueReport:
    """The report; where it does not reach to now, what can be kept is being counted from here on."""
    async with runtime.database.read(snapshot=True) as tx:
        report = await read_revenue(tx, runtime.clock.now(), months=months)
    if report.behind:
        async with runtime.unit() as unit:
            await count_now(unit)
    return report


async def look_whole(runtime: Runtime, *, months: int) -> RevenueReport:
    """The report, for a file that can't say how far it goes. Raises `RevenueBeingCounted`."""
    report = await look(runtime, months=months)
    if not report.whole:
        when = "in a moment" if report.behind else "tomorrow"
        raise RevenueBeingCounted(f"{report.done} % is, until {report.as_of:%Y-%m-%d}; try again {when}")
    return report
