"""Usage of closed periods that is no longer what was billed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen.billing.build_invoice import LateUsage
from autorisen.billing.rated_usage import RatedUsage
from autorisen.billing.rating.rate_usage import PeriodUsage, RatingTerms, rate_usage, rows_of
from autorisen.catalog import Cell
from autorisen.kit.money import Money

# The newest rating of each meter and cell.
Ratings = Mapping[tuple[str, Cell | None], RatedUsage]


@dataclass(frozen=True)
class BilledPeriod:
    """A closed period: its terms, the newest ratings, and what its events add up to now."""

    terms: RatingTerms
    billed: Ratings
    usage: PeriodUsage

    @property
    def is_as_billed(self) -> bool:
        """Nothing was recorded since: then the same price rates to the same amount, and need not be asked."""
        for price in self.terms.plan.usage_prices(self.terms.currency):
            for (_, cell), used in zip(rows_of(price), self.usage.of(price), strict=True):
                rated = self.billed.get((price.meter, cell))
                if (used.quantity, used.events) != ((rated.quantity, rated.events) if rated else (0, 0)):
                    return False
        return True


def late_usage(
    periods: Iterable[BilledPeriod], meter_names: Mapping[str, str], *, at: datetime, new_id: Callable[[], UUID]
) -> tuple[LateUsage, ...]:
    """Every rating that is no longer what its events say, in the order of the periods."""
    found: list[LateUsage] = []
    for each in periods:
        if each.is_as_billed:
            continue
        for now in rate_usage(each.terms, each.usage, meter_names, at=at, new_id=new_id, with_unused=True):
            before = each.billed.get((now.meter, now.cell)) or _nothing(now)
            if before is not None and (now.quantity, now.amount) != (before.quantity, before.amount):
                found.append(LateUsage(before, replace(now, revision=before.revision + 1)))
    return tuple(found)


def _nothing(now: RatedUsage) -> RatedUsage | None:
    """What was billed of a cell that had no use when its meter was rated; every whole meter has a rating."""
    if now.cell is None:
        return None
    zero = Decimal(0)
    return replace(
        now, revision=0, quantity=zero, events=0, included=zero, billable=zero, amount=Money.zero(now.amount.currency)
    )
