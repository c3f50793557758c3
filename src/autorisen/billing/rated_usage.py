"""One rating: the reason behind a line of usage. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from autorisen.catalog import Cell, Part
from autorisen.kit.money import Money


@dataclass(frozen=True)
class RatedUsage:
    """One meter's usage of one period, as it was rated: the reason behind a line. A correction is a new revision.

    Where the meter is priced by its dimensions, it is the usage of one `cell`, and of the meter there are several.
    `amount` is the whole price of the period's usage, not the difference to the revision before; its parts sum to it.
    """

    id: UUID
    period_id: UUID
    customer_id: UUID
    plan_version_id: UUID
    meter: str
    meter_name: str
    revision: int
    quantity: Decimal
    events: int
    price_id: UUID
    included: Decimal
    billable: Decimal
    unit_amount: Decimal
    unit_label: str
    amount: Money
    period_start: datetime
    period_end: datetime
    rated_at: datetime
    parts: tuple[Part, ...] = ()
    cell: Cell | None = None

    @property
    def name(self) -> str:
        """Of what use: the meter and, where they decide the price, the values of its dimensions."""
        return self.meter_name if self.cell is None else f"{self.meter_name}: {self.cell.name}"
