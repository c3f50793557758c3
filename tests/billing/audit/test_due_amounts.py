"""What ratings are compared with: their quantities under the prices of their time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from autorisen.billing.rating.rate_usage import RatingTerms
from autorisen.billing.reconciliation.compare_closings import due_amounts
from autorisen.billing.reconciliation.model import Rating
from autorisen.catalog import Cell
from tests.factories.catalog import usage_price
from tests.factories.contracts import a_plan

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def rating(number: int, meter: str, cell: Cell | None = None) -> Rating:
    return Rating(UUID(int=number), meter, 1, Decimal(2_500), 3, 700, END, cell)


def test_what_no_price_names_is_due_nothing() -> None:
    price = usage_price("25", included="2000")
    terms = RatingTerms(UUID(int=3), UUID(int=1), a_plan(price), "ZAR", "month", START, END)
    ratings = [rating(1, price.meter), rating(2, "another.meter"), rating(3, price.meter, Cell())]
    assert due_amounts(terms, ratings) == {UUID(int=1): 12_500, UUID(int=2): 0, UUID(int=3): 0}
