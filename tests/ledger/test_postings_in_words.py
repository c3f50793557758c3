"""What each posting says, word for word: its reference is for ever, its description is what statements show."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from autorisen.kit.money import Money
from autorisen.ledger import chart, postings

CUSTOMER, ROW, DAY = UUID(int=1), UUID(int=2), date(2026, 3, 14)


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


OF: dict[str, Any] = {"customer_id": CUSTOMER}
BY: dict[str, Any] = {"payment_id": ROW, "gateway": "sandbox"}
CENT: dict[str, Any] = {"amount": zar(1)}
FIVE: dict[str, Any] = {"amount": zar(5), "held": zar(3), "was_disputed": False, "before": zar(0)}
CLAIM: dict[str, Any] = {**OF, "invoice_id": ROW, "number": "INV-1", "tax": zar(6_900)}
NETS = {"revenue:subscription": zar(46_000)}
WHOLE: dict[str, Any] = {**CLAIM, "total": zar(52_900), "nets": NETS}
DEBT: dict[str, Any] = {**CLAIM, "owed": zar(52_900)}
NOTE: dict[str, Any] = {"credit_note_id": ROW, "number": "CN-1", "nets": NETS, "tax": zar(6_900)}
BACK: dict[str, Any] = {**BY, **OF, **CENT, "was_disputed": False}

RECEIVABLE, REFUNDS = f"receivable:{CUSTOMER}", f"refunds:{CUSTOMER}"
UNAPPLIED, WALLET = f"unapplied:{CUSTOMER}", f"wallet:{CUSTOMER}"
CLEARING, DISPUTED = "clearing:sandbox", "disputed:sandbox"
GIVEN = chart.PROMOTIONS


# The values are those of one row each: the fact, its reference with {} for the row's id, its words, its lines.
@pytest.mark.parametrize(
    "fact, values, reference, description, lines",
    [
        ("invoice_issued", WHOLE, "invoice:{}:issued", "Invoice INV-1",
            {RECEIVABLE: 52_900, "revenue:subscription": -46_000, "tax:vat_output": -6_900}),
        ("invoice_voided", WHOLE, "invoice:{}:voided", "Invoice INV-1 is void",
            {RECEIVABLE: -52_900, "revenue:subscription": 46_000, "tax:vat_output": 6_900}),
        ("invoice_written_off", DEBT, "invoice:{}:written_off", "Invoice INV-1 is written off",
            {"expense:bad_debt": 46_000, "tax:vat_output": 6_900, RECEIVABLE: -52_900}),
        ("write_off_recovered", DEBT, "invoice:{}:recovered", "Invoice INV-1 is paid after it was written off",
            {RECEIVABLE: 52_900, "expense:bad_debt": -46_000, "tax:vat_output": -6_900}),
        ("credit_note_issued", {**NOTE, "settles": {RECEIVABLE: zar(2_900), REFUNDS: zar(50_000)}},
            "credit_note:{}:issued", "Credit note CN-1",
            {"revenue:subscription": 46_000, "tax:vat_output": 6_900, RECEIVABLE: -2_900, REFUNDS: -50_000}),
        ("payment_settled", {**BY, **OF, **CENT, "number": "INV-1"}, "payment:{}:settled", "Payment of invoice INV-1",
            {CLEARING: 1, RECEIVABLE: -1}),
        ("payment_unapplied", {**BY, **OF, **CENT, "reason": "why"}, "payment:{}:unapplied",
            "Payment that pays nothing: why", {CLEARING: 1, UNAPPLIED: -1}),
        ("payment_refunded", {**BACK, "number": "INV-1"}, "payment:{}:refunded", "Refund of invoice INV-1",
            {REFUNDS: 1, CLEARING: -1}),
        ("payment_refunded", {**BACK, "number": "INV-1", "was_disputed": True}, "payment:{}:refunded",
            "Refund of invoice INV-1", {REFUNDS: 1, DISPUTED: -1}),
        ("payment_refunded", {**BACK, "number": None}, "payment:{}:refunded", "Refund", {UNAPPLIED: 1, CLEARING: -1}),
        ("payment_refunded", {**BACK, "number": None, "before": zar(9)}, "payment:{}:refunded:after:9", "Refund",
            {UNAPPLIED: 1, CLEARING: -1}),
        ("payment_refunded", {**BACK, "number": None, "before": zar(0)}, "payment:{}:refunded", "Refund",
            {UNAPPLIED: 1, CLEARING: -1}),
        ("dispute_opened", {**BY, **CENT, "number": "INV-1"}, "payment:{}:disputed",
            "Dispute of the payment of invoice INV-1", {DISPUTED: 1, CLEARING: -1}),
        ("dispute_opened", {**BY, **CENT, "number": None}, "payment:{}:disputed", "Dispute",
            {DISPUTED: 1, CLEARING: -1}),
        ("dispute_won", {**BY, **CENT}, "payment:{}:dispute_won", "Dispute decided for us",
            {CLEARING: 1, DISPUTED: -1}),
        ("dispute_opened", {**BY, **CENT, "number": None, "ordinal": 2}, "payment:{}:disputed:2", "Dispute",
            {DISPUTED: 1, CLEARING: -1}),
        ("dispute_won", {**BY, **CENT, "ordinal": 2}, "payment:{}:dispute_won:2", "Dispute decided for us",
            {CLEARING: 1, DISPUTED: -1}),
        ("gateway_fee", {**BY, "fee": zar(1)}, "payment:{}:fee", "Fee of sandbox",
            {"expense:gateway_fees": 1, CLEARING: -1}),
        ("gateway_fee", {**BY, "fee": zar(1), "before": zar(7)}, "payment:{}:fee:after:7", "Fee of sandbox",
            {"expense:gateway_fees": 1, CLEARING: -1}),
        ("wallet_topped_up", {**OF, **CENT, "grant_id": ROW, "source": CLEARING}, "wallet:{}:topped_up",
            "Credits bought", {CLEARING: 1, WALLET: -1}),
        ("wallet_granted", {**OF, **CENT, "grant_id": ROW, "reason": "why"}, "wallet:{}:granted", "Credits given: why",
            {GIVEN: 1, WALLET: -1}),
        ("wallet_drawn", {**OF, **CENT, "draw_id": ROW, "number": "INV-1"}, "wallet:{}:drawn",
            "Credits used for invoice INV-1", {WALLET: 1, RECEIVABLE: -1}),
        ("wallet_returned", {**OF, **CENT, "return_id": ROW, "number": "INV-1"}, "wallet:{}:returned",
            "Credits back from invoice INV-1", {RECEIVABLE: 1, WALLET: -1}),
        ("wallet_voided", {**OF, **CENT, "void_id": ROW, "reason": "why"}, "wallet:{}:voided",
            "Credits taken back: why", {WALLET: 1, GIVEN: -1}),
        ("wallet_held_back", {**OF, "amount": zar(5), "void_id": ROW, "explains": zar(2), "reason": "why"},
            "wallet:{}:held_back", "Credits taken back: why", {WALLET: 5, UNAPPLIED: -3, REFUNDS: -2}),
        ("wallet_released", {**OF, **CENT, "movement_id": ROW}, "wallet:{}:released",
            "Credits given back after a dispute", {UNAPPLIED: 1, WALLET: -1}),
        ("wallet_refunded", {**BY, **OF, **FIVE}, "payment:{}:refunded", "Refund of a top-up",
            {UNAPPLIED: 3, REFUNDS: 2, CLEARING: -5}),
        ("wallet_refunded", {**BY, **OF, **FIVE, "was_disputed": True, "before": zar(2)},
            "payment:{}:refunded:after:2", "Refund of a top-up", {UNAPPLIED: 3, REFUNDS: 2, DISPUTED: -5}),
        ("wallet_expired", {**OF, **CENT, "expiry_id": ROW, "was_paid": True}, "wallet:{}:expired", "Credits expired",
            {WALLET: 1, "revenue:breakage": -1}),
        ("wallet_expired", {**OF, **CENT, "expiry_id": ROW, "was_paid": False}, "wallet:{}:expired", "Credits expired",
            {WALLET: 1, GIVEN: -1}),
        ("revenue_deferred", {**CENT, "day": DAY}, "recognition:2026-03-14:ZAR:deferred",
            "Fees invoiced until 2026-03-14", {"revenue:subscription": 1, "deferred:subscription": -1}),
        ("revenue_recognised", {**CENT, "day": DAY}, "recognition:2026-03-14:ZAR:earned",
            "Fees earned until 2026-03-14", {"deferred:subscription": 1, "revenue:subscription": -1}),
    ],
)  # fmt: skip
def test_what_a_bookkeeper_reads(
    fact: str, values: dict[str, Any], reference: str, description: str, lines: dict[str, int]
) -> None:
    posting = getattr(postings, fact)(**values)
    assert (posting.reference, posting.description) == (reference.format(ROW), description)
    assert [(line.account, line.amount) for line in posting.lines] == [
        (account, zar(minor)) for account, minor in lines.items()
    ]


def test_what_comes_to_nothing_moves_no_money() -> None:
    assert postings.dispute_won(**BY, amount=zar(1)).moves_money
    assert not postings.dispute_won(**BY, amount=zar(0)).moves_money
