"""What each posting says, word for word: its reference is for ever, its description is what statements show."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from autorisen.kit.money import Money
from autorisen.ledger import Posting, chart, postings

CUSTOMER, ROW = UUID(int=1), UUID(int=2)
DAY = date(2026, 3, 14)
AMOUNT, TAX, CENT, NOTHING = Money(52_900, "ZAR"), Money(6_900, "ZAR"), Money(1, "ZAR"), Money(0, "ZAR")
NETS = {chart.REVENUE_SUBSCRIPTION: AMOUNT - TAX}

OF: dict[str, Any] = {"customer_id": CUSTOMER}
BY: dict[str, Any] = {"payment_id": ROW, "gateway": "sandbox"}
RECEIVABLE, REFUNDS = chart.receivable(CUSTOMER), chart.refunds(CUSTOMER)
UNAPPLIED, WALLET = chart.unapplied(CUSTOMER), chart.wallet(CUSTOMER)
CLAIM: dict[str, Any] = {**OF, "invoice_id": ROW, "number": "INV-1", "tax": TAX}
WHOLE: dict[str, Any] = {**CLAIM, "total": AMOUNT, "nets": NETS}
DEBT: dict[str, Any] = {**CLAIM, "owed": AMOUNT}
issued = postings.invoice_issued(**WHOLE)


def refunded(number: str | None, *, was_disputed: bool = False) -> Posting:
    return postings.payment_refunded(**BY, **OF, amount=AMOUNT, number=number, was_disputed=was_disputed)


def topped_up_and_refunded(held: int, *, was_disputed: bool = False, before: Money = NOTHING) -> Posting:
    return postings.wallet_refunded(
        **BY, **OF, amount=Money(5, "ZAR"), held=Money(held, "ZAR"), was_disputed=was_disputed, before=before
    )


@pytest.mark.parametrize(
    "posting, reference, description, lines",
    [
        (
            issued, "invoice:{}:issued", "Invoice INV-1",
            [(RECEIVABLE, 52_900), (chart.REVENUE_SUBSCRIPTION, -46_000), (chart.VAT_OUTPUT, -6_900)],
        ),
        (
            postings.invoice_voided(**WHOLE), "invoice:{}:voided", "Invoice INV-1 is void",
            [(RECEIVABLE, -52_900), (chart.REVENUE_SUBSCRIPTION, 46_000), (chart.VAT_OUTPUT, 6_900)],
        ),
        (
            postings.invoice_written_off(**DEBT), "invoice:{}:written_off", "Invoice INV-1 is written off",
            [(chart.BAD_DEBT, 46_000), (chart.VAT_OUTPUT, 6_900), (RECEIVABLE, -52_900)],
        ),
        (
            postings.write_off_recovered(**DEBT), "invoice:{}:recovered",
            "Invoice INV-1 is paid after it was written off",
            [(RECEIVABLE, 52_900), (chart.BAD_DEBT, -46_000), (chart.VAT_OUTPUT, -6_900)],
        ),
        (
            postings.credit_note_issued(
                credit_note_id=ROW, number="CN-1", nets=NETS, tax=TAX, settles={RECEIVABLE: AMOUNT}
            ), "credit_note:{}:issued", "Credit note CN-1",
            [(chart.REVENUE_SUBSCRIPTION, 46_000), (chart.VAT_OUTPUT, 6_900), (RECEIVABLE, -52_900)],
        ),
        (
            postings.payment_settled(**BY, **OF, number="INV-1", amount=AMOUNT),
            "payment:{}:settled", "Payment of invoice INV-1",
            [("clearing:sandbox", 52_900), (RECEIVABLE, -52_900)],
        ),
        (
            postings.payment_unapplied(**BY, **OF, reason="why", amount=AMOUNT),
            "payment:{}:unapplied", "Payment that pays nothing: why",
            [("clearing:sandbox", 52_900), (UNAPPLIED, -52_900)],
        ),
        (
            refunded("INV-1"), "payment:{}:refunded", "Refund of invoice INV-1",
            [(REFUNDS, 52_900), ("clearing:sandbox", -52_900)],
        ),
        (
            refunded("INV-1", was_disputed=True), "payment:{}:refunded", "Refund of invoice INV-1",
            [(REFUNDS, 52_900), ("disputed:sandbox", -52_900)],
        ),
        (refunded(None), "payment:{}:refunded", "Refund", [(UNAPPLIED, 52_900), ("clearing:sandbox", -52_900)]),
        (
            postings.payment_refunded(**BY, **OF, amount=CENT, number=None, was_disputed=False, before=Money(9, "ZAR")),
            "payment:{}:refunded:after:9", "Refund", [(UNAPPLIED, 1), ("clearing:sandbox", -1)],
        ),
        (
            postings.payment_refunded(**BY, **OF, amount=CENT, number=None, was_disputed=False, before=NOTHING),
            "payment:{}:refunded", "Refund", [(UNAPPLIED, 1), ("clearing:sandbox", -1)],
        ),
        (
            postings.dispute_opened(**BY, number="INV-1", amount=AMOUNT),
            "payment:{}:disputed", "Dispute of the payment of invoice INV-1",
            [("disputed:sandbox", 52_900), ("clearing:sandbox", -52_900)],
        ),
        (
            postings.dispute_opened(**BY, amount=CENT, number=None),
            "payment:{}:disputed", "Dispute", [("disputed:sandbox", 1), ("clearing:sandbox", -1)],
        ),
        (
            postings.dispute_won(**BY, amount=CENT),
            "payment:{}:dispute_won", "Dispute decided for us", [("clearing:sandbox", 1), ("disputed:sandbox", -1)],
        ),
        (
            postings.gateway_fee(**BY, fee=CENT),
            "payment:{}:fee:charge", "Fee of sandbox", [(chart.GATEWAY_FEES, 1), ("clearing:sandbox", -1)],
        ),
        (
            postings.gateway_fee(**BY, fee=CENT, kind="dispute"),
            "payment:{}:fee:dispute", "Fee of sandbox", [(chart.GATEWAY_FEES, 1), ("clearing:sandbox", -1)],
        ),
        (
            postings.wallet_topped_up(**OF, grant_id=ROW, amount=CENT, source="clearing:sandbox"),
            "wallet:{}:topped_up", "Credits bought", [("clearing:sandbox", 1), (WALLET, -1)],
        ),
        (
            postings.wallet_granted(**OF, grant_id=ROW, amount=CENT, reason="why"),
            "wallet:{}:granted", "Credits given: why", [(chart.PROMOTIONS, 1), (WALLET, -1)],
        ),
        (
            postings.wallet_drawn(**OF, draw_id=ROW, amount=CENT, number="INV-1"),
            "wallet:{}:drawn", "Credits used for invoice INV-1", [(WALLET, 1), (RECEIVABLE, -1)],
        ),
        (
            postings.wallet_returned(**OF, return_id=ROW, amount=CENT, number="INV-1"),
            "wallet:{}:returned", "Credits back from invoice INV-1", [(RECEIVABLE, 1), (WALLET, -1)],
        ),
        (
            postings.wallet_voided(**OF, void_id=ROW, amount=CENT, reason="why"),
            "wallet:{}:voided", "Credits taken back: why", [(WALLET, 1), (chart.PROMOTIONS, -1)],
        ),
        (
            postings.wallet_held_back(**OF, void_id=ROW, amount=CENT, reason="why"),
            "wallet:{}:held_back", "Credits taken back: why", [(WALLET, 1), (UNAPPLIED, -1)],
        ),
        (
            topped_up_and_refunded(3), "payment:{}:refunded", "Refund of a top-up",
            [(UNAPPLIED, 3), (REFUNDS, 2), ("clearing:sandbox", -5)],
        ),
        (
            topped_up_and_refunded(5, was_disputed=True, before=Money(2, "ZAR")), "payment:{}:refunded:after:2",
            "Refund of a top-up", [(UNAPPLIED, 5), (REFUNDS, 0), ("disputed:sandbox", -5)],
        ),
        (
            postings.wallet_expired(**OF, expiry_id=ROW, amount=CENT, was_paid=True),
            "wallet:{}:expired", "Credits expired", [(WALLET, 1), (chart.REVENUE_BREAKAGE, -1)],
        ),
        (
            postings.wallet_expired(**OF, expiry_id=ROW, amount=CENT, was_paid=False),
            "wallet:{}:expired", "Credits expired", [(WALLET, 1), (chart.PROMOTIONS, -1)],
        ),
        (
            postings.revenue_deferred(day=DAY, amount=CENT), "recognition:2026-03-14:ZAR:deferred",
            "Fees invoiced until 2026-03-14", [(chart.REVENUE_SUBSCRIPTION, 1), (chart.DEFERRED_SUBSCRIPTION, -1)],
        ),
        (
            postings.revenue_recognised(day=DAY, amount=CENT), "recognition:2026-03-14:ZAR:earned",
            "Fees earned until 2026-03-14", [(chart.DEFERRED_SUBSCRIPTION, 1), (chart.REVENUE_SUBSCRIPTION, -1)],
        ),
    ],
)  # fmt: skip
def test_what_a_bookkeeper_reads(
    posting: Posting, reference: str, description: str, lines: list[tuple[str, int]]
) -> None:
    assert (posting.reference, posting.description) == (reference.format(ROW), description)
    assert [(line.account, line.amount.minor) for line in posting.lines] == lines


def test_what_comes_to_nothing_moves_no_money() -> None:
    assert issued.moves_money
    assert not postings.dispute_won(**BY, amount=NOTHING).moves_money
