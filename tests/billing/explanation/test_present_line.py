"""Why a line says what it says, in words: the steps from the price to the VAT."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from autorisen.billing import LineKind
from autorisen.billing.explanation.explain_invoice import Explanation
from autorisen.billing.explanation.present_line import line_steps, price_terms
from autorisen.billing.model import Line
from autorisen.billing.rated_usage import RatedUsage
from autorisen.catalog import Part, PartKind
from autorisen.kit.money import Money
from tests.factories.billing import a_draft, a_line, an_invoice


@pytest.mark.parametrize(
    "included, billable, parts, said",
    [
        (10, 0, (), ("10 of them included",)),
        (0, 2, (), ("2 at R0,25 per run",)),
        (0, 2, (Part(PartKind.UNITS, Decimal(2), Decimal(25), Money(50, "ZAR")),), ("2 at R0,25 per run: R0,50",)),
        (0, 0, (), ()),
    ],
)
def test_use_says_what_was_counted_and_how_it_was_priced(
    included: int, billable: int, parts: tuple[Part, ...], said: tuple[str, ...]
) -> None:
    """In words: the quantity first, then what of it was included, then its price, or the parts of it."""
    line = a_line(50, LineKind.USAGE)
    rated = a_rating(line, included=Decimal(included), billable=Decimal(billable), parts=parts)
    steps = {step.name: step for step in line_steps(an_invoice(a_draft(line)), Explanation(line, rated=rated))}
    words = [each.replace("\u00a0", " ") for each in steps["Counted"].words]
    assert words == ["2 from 2 events, on 1 March 2026", *said]


def a_rating(line: Line, **changes: Any) -> RatedUsage:
    """How two runs were rated."""
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "period_id": UUID(int=2),
        "customer_id": UUID(int=3),
        "plan_version_id": UUID(int=4),
        "meter": "agent.execution",
        "meter_name": "Agent executions",
        "revision": 1,
        "quantity": Decimal(2),
        "events": 2,
        "price_id": UUID(int=5),
        "unit_amount": Decimal(25),
        "unit_label": "runs",
        "amount": line.amount,
        "period_start": line.period_start,
        "period_end": line.period_end,
        "rated_at": line.period_start,
    }
    return RatedUsage(**values | changes)


def test_a_line_without_a_price_says_its_time_and_amount() -> None:
    line = a_line(11_500)
    steps = line_steps(an_invoice(a_draft(line)), Explanation(line))
    assert [step.name for step in steps] == ["Time", "Amount", "VAT"]
    assert price_terms(Explanation(line)) == ()
    with pytest.raises(ValueError, match="not stored"):
        _ = line.public_id
