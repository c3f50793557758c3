"""The state table of payments, cell by cell, and the terms that a gateway may state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.money import Money
from autorisen.payments.model import (
    LIVE,
    NEXT,
    SETTLED,
    Mode,
    ParkReason,
    Payment,
    PaymentKind,
    PaymentStatus,
    Terms,
    Truth,
    mismatch,
    steps,
)

AT = datetime(2026, 3, 1, tzinfo=UTC)

# Rows: where a payment stands. Columns: what the gateway reports. A cell: the states it walks through.
TABLE = """
                 pending requires_action processing succeeded failed refunded           disputed
pending          -       requires_action processing succeeded failed succeeded+refunded succeeded+disputed
requires_action  -       -               processing succeeded failed succeeded+refunded succeeded+disputed
processing       -       -               -          succeeded failed succeeded+refunded succeeded+disputed
succeeded        -       -               -          -         -      refunded           disputed
failed           -       -               -          succeeded -      succeeded+refunded succeeded+disputed
refunded         -       -               -          -         -      -                  -
disputed         -       -               -          -         -      refunded           -
"""


def _cells() -> list[tuple[str, str, str]]:
    header, *rows = TABLE.strip().splitlines()
    return [
        (row.split()[0], column, cell)
        for row in rows
        for column, cell in zip(header.split(), row.split()[1:], strict=True)
    ]


@pytest.mark.parametrize("current,reported,expected", _cells())
def test_every_cell_of_the_state_table(current: str, reported: str, expected: str) -> None:
    walked = steps(PaymentStatus(current), PaymentStatus(reported))
    assert "+".join(walked) == ("" if expected == "-" else expected)


def test_the_table_of_the_test_has_every_state() -> None:
    assert len(_cells()) == len(PaymentStatus) ** 2
    assert set(NEXT) == set(PaymentStatus)
    assert LIVE.isdisjoint(SETTLED)


P = PaymentStatus


@pytest.mark.parametrize(
    "current,reported,won,expected",
    [
        (P.DISPUTED, P.SUCCEEDED, 1, (P.SUCCEEDED,)),
        (P.DISPUTED, P.DISPUTED, 1, (P.SUCCEEDED, P.DISPUTED)),
        (P.DISPUTED, P.REFUNDED, 1, (P.SUCCEEDED, P.REFUNDED)),
        (P.SUCCEEDED, P.SUCCEEDED, 1, (P.DISPUTED, P.SUCCEEDED)),
        (P.SUCCEEDED, P.DISPUTED, 1, (P.DISPUTED, P.SUCCEEDED, P.DISPUTED)),
        (P.PENDING, P.SUCCEEDED, 1, (P.SUCCEEDED, P.DISPUTED, P.SUCCEEDED)),
        (P.PROCESSING, P.REFUNDED, 2, (P.SUCCEEDED, *(P.DISPUTED, P.SUCCEEDED) * 2, P.REFUNDED)),
        # Late: of a time when fewer disputes were won.
        (P.SUCCEEDED, P.DISPUTED, -1, ()),
        (P.SUCCEEDED, P.SUCCEEDED, -1, ()),
        (P.SUCCEEDED, P.REFUNDED, -1, (P.REFUNDED,)),
        (P.DISPUTED, P.REFUNDED, -1, (P.REFUNDED,)),
        (P.REFUNDED, P.SUCCEEDED, 1, ()),
    ],
)
def test_a_dispute_that_was_won_is_walked_into_and_out_of(
    current: P, reported: P, won: int, expected: tuple[P, ...]
) -> None:
    assert steps(current, reported, won=won) == expected


Reports = list[tuple[PaymentStatus, int]]
REPORTS = st.lists(st.tuples(st.sampled_from(PaymentStatus), st.integers(0, 3)), max_size=20)


def walk(reports: Reports) -> list[tuple[PaymentStatus, int]]:
    """The states that are walked through, each with the number of disputes won by then."""
    seen = [(P.PENDING, 0)]
    for reported, won in reports:
        for step in steps(seen[-1][0], reported, won=won - seen[-1][1]):
            before, count = seen[-1]
            assert step in NEXT[before]
            seen.append((step, count + ((before, step) == (P.DISPUTED, P.SUCCEEDED))))
    return seen


@given(REPORTS)
def test_no_order_of_reports_turns_a_payment_back(reports: Reports) -> None:
    """Goal: reports come late, twice and reordered. Method: walk any list of them and look at every step taken."""
    seen = walk(reports)
    assert len(seen) == len(set(seen)), "a state is never reached twice"
    if any(report in SETTLED for report, _ in reports):
        assert (P.SUCCEEDED, 0) in seen, "money that moved is never lost"


@given(st.lists(st.tuples(st.sampled_from((P.SUCCEEDED, P.DISPUTED)), st.integers(0, 3)), min_size=1, max_size=8))
def test_a_payment_stands_where_its_latest_dispute_does(reports: Reports) -> None:
    assert walk(reports)[-1] == max(reports, key=lambda each: (each[1], each[0] is P.DISPUTED))


@given(REPORTS)
def test_repeating_every_report_changes_nothing(reports: Reports) -> None:
    assert walk(reports) == walk([twice for report in reports for twice in (report, report)])


def a_payment(**changes: object) -> Payment:
    values: dict[str, object] = {
        "id": UUID(int=1),
        "customer_id": UUID(int=2),
        "kind": PaymentKind.CHECKOUT,
        "gateway": "sandbox",
        "mode": Mode.TEST,
        "reference": "invoice:1",
        "attempt": 1,
        "amount": Money(100, "ZAR"),
        "description": "",
        "status": PaymentStatus.PENDING,
        "method_id": None,
        "provider_id": None,
        "action_url": None,
        "failure_code": None,
        "failure_reason": None,
        "created_at": AT,
        "updated_at": AT,
        "succeeded_at": None,
    }
    return Payment(**(values | changes))  # type: ignore[arg-type]  # each value has its field's type


def a_truth(status: str = "succeeded", mode: Mode = Mode.TEST, **terms: object) -> Truth:
    stated: dict[str, object] = {"reference": "invoice:1", "amount_minor": 100, "currency": "ZAR"}
    return Truth("sco_1", PaymentStatus(status), mode, UUID(int=1), Terms(**(stated | terms)))  # type: ignore[arg-type]  # each value has its field's type


@pytest.mark.parametrize(
    "truth,reason",
    [
        (a_truth(), None),
        (a_truth(reference=None), None),
        (a_truth("failed", amount_minor=None, currency=None), None),
        (a_truth("failed", amount_minor=99), ParkReason.WRONG_AMOUNT),
        (a_truth(mode=Mode.LIVE), ParkReason.WRONG_MODE),
        (a_truth(reference="invoice:2"), ParkReason.WRONG_REFERENCE),
        (a_truth(amount_minor=99), ParkReason.WRONG_AMOUNT),
        (a_truth(amount_minor=101), ParkReason.WRONG_AMOUNT),
        (a_truth(amount_minor=None), ParkReason.WRONG_AMOUNT),
        (replace(a_truth(), refunded_minor=100), None),
        (replace(a_truth(), refunded_minor=101), ParkReason.WRONG_AMOUNT),
        (replace(a_truth(), refunded_minor=-1), ParkReason.WRONG_AMOUNT),
        (replace(a_truth(), fee_minor=101), None),
        (replace(a_truth(), fee_minor=-1), ParkReason.WRONG_AMOUNT),
        (a_truth(currency="USD"), ParkReason.WRONG_CURRENCY),
        (a_truth(currency="XYZ"), ParkReason.WRONG_CURRENCY),
        (a_truth(currency=None), ParkReason.WRONG_CURRENCY),
    ],
)
def test_what_a_gateway_states_must_be_what_we_asked_for(truth: Truth, reason: ParkReason | None) -> None:
    assert mismatch(a_payment(), truth) is reason


def test_only_a_payment_under_way_is_live() -> None:
    assert a_payment().is_live
    assert not a_payment(status=PaymentStatus.FAILED).is_live
