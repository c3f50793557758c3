"""What each money fact says in double entry: always balanced, always on the chart, and undone by what undoes it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.money import Money
from autorisen.ledger import Posting, chart, postings
from autorisen.ledger.chart import CHART, FAMILIES, AccountType, customer_accounts, family_of
from autorisen.ledger.model import lines_to_post

CUSTOMER, ROW = UUID(int=1), UUID(int=2)
DAY = date(2026, 3, 14)
DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger.md"

amounts = st.integers(1, 10**12)
currencies = st.sampled_from(["ZAR", "USD"])
money = st.builds(Money, amounts, currencies)
signed = st.builds(Money, st.integers(-(10**12), 10**12).filter(bool), currencies)
gateways = st.sampled_from(["sandbox", "stripe", "payfast"])
ids, customers = st.just(ROW), st.just(CUSTOMER)


@st.composite
def claims(draw: st.DrawFn) -> dict[str, Any]:
    """What an invoice is made of: parts that sum to it, each of them possibly negative."""
    currency = draw(currencies)
    part = st.integers(-(10**9), 10**9)
    fee, usage, tax = (Money(draw(part), currency) for _ in range(3))
    nets = {chart.REVENUE_SUBSCRIPTION: fee, chart.REVENUE_USAGE: usage}
    return {"nets": nets, "tax": tax, "total": fee + usage + tax}


@st.composite
def notes(draw: st.DrawFn) -> Posting:
    claim = draw(claims())
    total = claim.pop("total")
    refunded = Money(draw(st.integers(-(10**9), 10**9)), total.currency)
    settles = {chart.refunds(CUSTOMER): refunded, chart.receivable(CUSTOMER): total - refunded}
    return postings.credit_note_issued(
        credit_note_id=ROW, number="CN-1", settles=settles, **claim
    )  # fmt: skip


@st.composite
def of_an_invoice(draw: st.DrawFn, fact: str) -> Posting:
    claim = draw(claims())
    rule: Callable[..., Posting] = getattr(postings, fact)
    return rule(invoice_id=ROW, number="INV-1", customer_id=CUSTOMER, **claim)


@st.composite
def of_a_debt(draw: st.DrawFn, fact: str) -> Posting:
    owed = draw(money)
    tax = Money(draw(st.integers(0, owed.minor)), owed.currency)
    rule: Callable[..., Posting] = getattr(postings, fact)
    return rule(invoice_id=ROW, number="INV-1", customer_id=CUSTOMER, owed=owed, tax=tax)


@st.composite
def refunds_of_top_ups(draw: st.DrawFn) -> Posting:
    amount = draw(money)
    return postings.wallet_refunded(
        payment_id=ROW,
        customer_id=CUSTOMER,
        gateway=draw(gateways),
        amount=amount,
        held=Money(draw(st.integers(0, amount.minor)), amount.currency),
        was_disputed=draw(st.booleans()),
        before=Money(draw(st.integers(0, 9)), amount.currency),
    )


@st.composite
def held_back(draw: st.DrawFn) -> Posting:
    amount = draw(money)
    explains = Money(draw(st.integers(0, amount.minor)), amount.currency)
    return postings.wallet_held_back(void_id=ROW, customer_id=CUSTOMER, amount=amount, explains=explains, reason="why")


paid = {"payment_id": ids, "gateway": gateways, "amount": money}
granted = {"customer_id": customers, "amount": money}
numbers = st.one_of(st.none(), st.just("INV-1"))
RULES: dict[str, st.SearchStrategy[Posting]] = {
    "invoice_issued": of_an_invoice("invoice_issued"),
    "invoice_voided": of_an_invoice("invoice_voided"),
    "credit_note_issued": notes(),
    "invoice_written_off": of_a_debt("invoice_written_off"),
    "write_off_recovered": of_a_debt("write_off_recovered"),
    "payment_settled": st.builds(postings.payment_settled, **paid, customer_id=customers, number=st.just("INV-1")),
    "payment_unapplied": st.builds(postings.payment_unapplied, **paid, customer_id=customers, reason=st.just("why")),
    "payment_refunded": st.builds(
        postings.payment_refunded,
        **paid,
        customer_id=customers,
        number=numbers,
        was_disputed=st.booleans(),
        before=st.one_of(st.none(), st.just(Money(0, "ZAR")), money),
    ),
    "dispute_opened": st.builds(postings.dispute_opened, **paid, number=numbers),
    "dispute_won": st.builds(postings.dispute_won, **paid),
    "gateway_fee": st.builds(postings.gateway_fee, payment_id=ids, gateway=gateways, fee=money),
    "wallet_topped_up": st.builds(
        postings.wallet_topped_up, **granted, grant_id=ids, source=st.just(chart.clearing("sandbox"))
    ),
    "wallet_granted": st.builds(postings.wallet_granted, **granted, grant_id=ids, reason=st.just("why")),
    "wallet_drawn": st.builds(postings.wallet_drawn, **granted, draw_id=ids, number=st.just("INV-1")),
    "wallet_returned": st.builds(postings.wallet_returned, **granted, return_id=ids, number=st.just("INV-1")),
    "wallet_released": st.builds(postings.wallet_released, **granted, movement_id=ids),
    "wallet_voided": st.builds(postings.wallet_voided, **granted, void_id=ids, reason=st.just("why")),
    "wallet_held_back": held_back(),
    "wallet_refunded": refunds_of_top_ups(),
    "wallet_expired": st.builds(postings.wallet_expired, **granted, expiry_id=ids, was_paid=st.booleans()),
    "revenue_deferred": st.builds(postings.revenue_deferred, day=st.just(DAY), amount=signed),
    "revenue_recognised": st.builds(postings.revenue_recognised, day=st.just(DAY), amount=signed),
}


def facts() -> set[str]:
    """Every money fact that has a rule."""
    return {
        name for name, each in inspect.getmembers(postings, inspect.isfunction) if each.__module__ == postings.__name__
    }


def test_every_money_fact_is_tried_here() -> None:
    assert set(RULES) == facts()


@pytest.mark.parametrize("fact", sorted(RULES))
@given(data=st.data())
def test_every_fact_balances_on_accounts_of_the_chart(fact: str, data: st.DataObject) -> None:
    posting = data.draw(RULES[fact])
    if sum(1 for line in posting.lines if line.amount) > 1:
        lines_to_post(posting.lines)
    assert str(ROW) in posting.reference or str(DAY) in posting.reference
    assert posting.reference.partition(":")[0] in postings.KINDS
    assert posting.description


ZAR: dict[str, Any] = {"amount": Money(52_900, "ZAR")}
WHOLE: dict[str, Any] = {
    "invoice_id": ROW,
    "number": "INV-1",
    "customer_id": CUSTOMER,
    "total": Money(52_900, "ZAR"),
    "nets": {chart.REVENUE_SUBSCRIPTION: Money(46_000, "ZAR")},
    "tax": Money(6_900, "ZAR"),
}
DEBT: dict[str, Any] = {
    "invoice_id": ROW,
    "number": "INV-1",
    "customer_id": CUSTOMER,
    "owed": Money(52_900, "ZAR"),
    "tax": Money(6_900, "ZAR"),
}
issued = postings.invoice_issued(**WHOLE)
settled = postings.payment_settled(payment_id=ROW, customer_id=CUSTOMER, gateway="sandbox", number="INV-1", **ZAR)


def credited(account: str) -> Posting:
    """All of it is taken back."""
    nets, tax = {chart.REVENUE_SUBSCRIPTION: Money(46_000, "ZAR")}, Money(6_900, "ZAR")
    settles = {account: Money(52_900, "ZAR")}
    return postings.credit_note_issued(credit_note_id=ROW, number="CN-1", nets=nets, tax=tax, settles=settles)


def refunded(number: str | None, *, was_disputed: bool = False) -> Posting:
    return postings.payment_refunded(
        payment_id=ROW, customer_id=CUSTOMER, gateway="sandbox", number=number, was_disputed=was_disputed, **ZAR
    )


opened = postings.dispute_opened(payment_id=ROW, gateway="sandbox", number="INV-1", **ZAR)
unapplied = postings.payment_unapplied(payment_id=ROW, customer_id=CUSTOMER, gateway="sandbox", reason="why", **ZAR)


def balances(story: Iterable[Posting]) -> dict[str, int]:
    """What is left on each account when all of it has happened."""
    left: Counter[str] = Counter()
    for posting in story:
        for line in posting.lines:
            left[line.account] += line.amount.minor
    return {account: minor for account, minor in left.items() if minor}


@pytest.mark.parametrize(
    "story, left",
    [
        ([issued], {"receivable": 52_900, "revenue:subscription": -46_000, "tax:vat_output": -6_900}),
        ([issued, settled], {"clearing": 52_900, "revenue:subscription": -46_000, "tax:vat_output": -6_900}),
        ([issued, postings.invoice_voided(**WHOLE)], {}),
        ([issued, credited(chart.receivable(CUSTOMER))], {}),
        ([issued, settled, refunded("INV-1"), credited(chart.refunds(CUSTOMER))], {}),
        ([issued, settled, opened, refunded("INV-1", was_disputed=True), credited(chart.refunds(CUSTOMER))], {}),
        ([opened, postings.dispute_won(payment_id=ROW, gateway="sandbox", **ZAR)], {}),
        ([opened], {"disputed": 52_900, "clearing": -52_900}),
        ([unapplied], {"clearing": 52_900, "unapplied": -52_900}),
        ([unapplied, refunded(None)], {}),
        (
            [issued, postings.invoice_written_off(**DEBT)],
            {"revenue:subscription": -46_000, "expense:bad_debt": 46_000},
        ),
        (
            [issued, postings.invoice_written_off(**DEBT), postings.write_off_recovered(**DEBT), settled],
            {"clearing": 52_900, "revenue:subscription": -46_000, "tax:vat_output": -6_900},
        ),
        (
            [settled, postings.gateway_fee(payment_id=ROW, gateway="sandbox", fee=Money(900, "ZAR"))],
            {"receivable": -52_900, "clearing": 52_000, "expense:gateway_fees": 900},
        ),
        (
            [
                postings.wallet_topped_up(
                    grant_id=ROW, customer_id=CUSTOMER, source=chart.unapplied(CUSTOMER), **ZAR
                ),
                unapplied,
                issued,
                postings.wallet_drawn(draw_id=ROW, customer_id=CUSTOMER, number="INV-1", **ZAR),
            ],
            {"clearing": 52_900, "revenue:subscription": -46_000, "tax:vat_output": -6_900},
        ),
        (
            [
                postings.wallet_granted(grant_id=ROW, customer_id=CUSTOMER, reason="why", **ZAR),
                postings.wallet_expired(expiry_id=ROW, customer_id=CUSTOMER, was_paid=False, **ZAR),
            ],
            {},
        ),
        (
            [postings.wallet_expired(expiry_id=ROW, customer_id=CUSTOMER, was_paid=True, **ZAR)],
            {"wallet": 52_900, "revenue:breakage": -52_900},
        ),
        (
            [
                postings.wallet_topped_up(
                    grant_id=ROW, customer_id=CUSTOMER, source=chart.clearing("sandbox"), **ZAR
                ),
                postings.dispute_opened(payment_id=ROW, gateway="sandbox", number=None, **ZAR),
                postings.wallet_held_back(
                    void_id=ROW, customer_id=CUSTOMER, amount=Money(50_000, "ZAR"), explains=Money(0, "ZAR"), reason=""
                ),
                postings.wallet_refunded(
                    payment_id=ROW, customer_id=CUSTOMER, gateway="sandbox", held=Money(50_000, "ZAR"),
                    was_disputed=True, before=Money(0, "ZAR"), **ZAR,
                ),
            ],
            {"wallet": -2_900, "refunds": 2_900},
        ),
        (
            [
                postings.wallet_drawn(draw_id=ROW, customer_id=CUSTOMER, number="INV-1", **ZAR),
                postings.wallet_returned(return_id=ROW, customer_id=CUSTOMER, number="INV-1", **ZAR),
                postings.wallet_voided(void_id=ROW, customer_id=CUSTOMER, reason="why", **ZAR),
            ],
            {"wallet": 52_900, "expense:promotions": -52_900},
        ),
        (
            [postings.revenue_deferred(day=DAY, **ZAR), postings.revenue_recognised(day=DAY, amount=Money(900, "ZAR"))],
            {"deferred:subscription": -52_000, "revenue:subscription": 52_000},
        ),
    ],
)  # fmt: skip
def test_what_is_left_when_all_has_happened(story: list[Posting], left: dict[str, int]) -> None:
    found = balances(story)
    for account in [each for each in found if (family := family_of(each)) is not None and family.per]:
        found[account.partition(":")[0]] = found.pop(account)
    assert found == left


def test_the_chart_knows_each_account_by_its_family() -> None:
    assert family_of(chart.receivable(CUSTOMER)) is CHART["receivable"]
    assert family_of("clearing:sandbox") is CHART["clearing"]
    assert family_of("tax:vat_output") is CHART["tax:vat_output"]
    for stranger in ("receivable", "receivable:", "tax", "tax:other", "tax:vat_output:more", "nothing:at_all"):
        assert family_of(stranger) is None
    assert customer_accounts(CUSTOMER) == (
        f"receivable:{CUSTOMER}", f"refunds:{CUSTOMER}", f"unapplied:{CUSTOMER}", f"wallet:{CUSTOMER}",
    )  # fmt: skip
    assert {family.type for family in FAMILIES} == set(AccountType)


def test_the_document_shows_the_chart_and_every_rule() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for family in FAMILIES:
        assert f"| `{family.shown}` | {family.type} | {family.holds} |" in rows
    for fact in facts():
        assert any(line.startswith(f"| `{fact}` |") for line in rows), fact
    assert len(rows) == len(FAMILIES) + len(facts())
