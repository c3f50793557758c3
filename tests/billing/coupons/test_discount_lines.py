"""What coupons take off: properties, and worked examples to the cent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing.coupons import Redemption, coupon_words, uses_of, with_discounts
from autorisen.billing.coupons.discount_lines import fee_discount
from autorisen.billing.model import Draft, LineKind, TaxTerms, TaxTreatment
from tests.factories.billing import VAT_15, a_draft, a_line
from tests.factories.coupons import redemption_of

FIFTH = 'percent = "20"\nduration = "once"'
FEES = 'percent = "50"\nduration = "forever"\non = "fees"'
RAND = 'amount = [{ currency = "ZAR", amount = "100.00" }]\nduration = "repeating"\ninvoices = 3'
WHOLE = 'percent = "100"\nduration = "once"'
PRO = 'percent = "20"\nduration = "once"\nplans = ["pro"]'
NO_VAT = TaxTerms(TaxTreatment.NOT_REGISTERED, VAT_15.rate * 0)


def discounts(draft: Draft) -> list[tuple[int, int]]:
    return [(line.amount.minor, line.tax.minor) for line in draft.lines if line.kind is LineKind.DISCOUNT]


@pytest.mark.parametrize(
    "terms, amounts, expected",
    [
        # A fifth of R654.00 is R130.80, and a fifth of its VAT of R85.30 is R17.06.
        (FIFTH, [(12_500, LineKind.USAGE), (52_900, LineKind.FLAT_FEE)], [(-13_080, -1_706)]),
        (FEES, [(12_500, LineKind.USAGE), (52_900, LineKind.FLAT_FEE)], [(-26_450, -3_450)]),
        (RAND, [(12_500, LineKind.USAGE), (52_900, LineKind.FLAT_FEE)], [(-10_000, -1_304)]),
        # Never below zero: R100 off R80 is R80, with all of its VAT.
        (RAND, [(8_000, LineKind.USAGE)], [(-8_000, -1_043)]),
        (WHOLE, [(12_500, LineKind.USAGE), (52_900, LineKind.FLAT_FEE)], [(-65_400, -8_530)]),
        # What an upgrade credits lowers the fees.
        (FEES, [(179_900, LineKind.FLAT_FEE), (-40_000, LineKind.PRORATION_CREDIT)], [(-69_950, -9_124)]),
        (FEES, [(12_500, LineKind.USAGE)], []),
        (FIFTH, [(2, LineKind.USAGE)], []),
        (FIFTH, [(0, LineKind.USAGE)], []),
        (PRO, [(52_900, LineKind.FLAT_FEE)], []),
    ],
)
def test_worked_examples(terms: str, amounts: list[tuple[int, LineKind]], expected: list[tuple[int, int]]) -> None:
    draft = a_draft(*(a_line(amount, kind) for amount, kind in amounts))
    plan = "enterprise" if terms is PRO else "pro"
    assert discounts(with_discounts(draft, [redemption_of(terms)], plan)) == expected


def test_they_take_off_in_order_each_of_what_is_left() -> None:
    draft = a_draft(a_line(52_900))
    both = with_discounts(draft, [redemption_of(RAND, used=1, id=1), redemption_of(FIFTH, id=2)], "pro")
    assert discounts(both) == [(-10_000, -1_304), (-8_580, -1_119)]
    assert [line.description for line in both.lines[1:]] == [
        "Launch offer (LAUNCH): R100,00 off, for 3 invoices, 2 of 3",
        "Launch offer (LAUNCH): 20 % off, once",
    ]
    assert [(use.redemption_id.int, use.amount_minor) for use in uses_of(both, None)] == [(1, 10_000), (2, 8_580)]
    spent = redemption_of(FIFTH, used=1)
    assert (spent.is_spent, spent.uses_left) == (True, 0)
    assert with_discounts(draft, [spent], "pro") == draft
    assert coupon_words(redemption_of(FEES).coupon, "USD") == "50 % off fees, for ever"
    assert redemption_of(FEES).uses_left is None


COUPONS = st.lists(st.sampled_from([FIFTH, FEES, RAND, WHOLE]), min_size=1, max_size=4)
LINES = st.lists(
    st.tuples(st.integers(-(10**7), 10**9), st.sampled_from([LineKind.FLAT_FEE, LineKind.USAGE])),
    min_size=1,
    max_size=6,
)


@given(amounts=LINES, coupons=COUPONS, terms=st.sampled_from([VAT_15, NO_VAT]))
def test_the_total_never_falls_below_zero_and_the_tax_follows(
    amounts: list[tuple[int, LineKind]], coupons: list[str], terms: TaxTerms
) -> None:
    before = a_draft(*(a_line(amount, kind, terms=terms) for amount, kind in amounts), terms=terms)
    held: list[Redemption] = [redemption_of(each, id=number) for number, each in enumerate(coupons, start=1)]
    after = with_discounts(before, held, "pro")
    if before.total.minor <= 0:
        assert after == before
        return
    assert 0 <= after.total.minor <= before.total.minor
    assert after.lines[: len(before.lines)] == before.lines
    for line in after.lines[len(before.lines) :]:
        assert line.amount.minor < 0
        assert line.amount.minor <= line.tax.minor <= 0
    if 0 <= before.tax.minor <= before.total.minor:
        assert 0 <= after.tax.minor <= after.total.minor
        if before.total.minor:
            exact = before.tax.minor * after.total.minor / before.total.minor
            assert abs(after.tax.minor - exact) <= len(held)


@pytest.mark.parametrize(
    "fee, fees, charges, on_fees, on_all, expected",
    [
        (52_900, 52_900, 65_400, 0, 0, 0),
        (52_900, 52_900, 65_400, 0, 13_080, 10_580),
        (52_900, 52_900, 65_400, 26_450, 0, 26_450),
        (52_900, 52_900, 52_900, 26_450, 26_450, 52_900),
        (52_900, 0, 0, 0, 0, 0),
    ],
)
def test_what_fell_on_the_fee(fee: int, fees: int, charges: int, on_fees: int, on_all: int, expected: int) -> None:
    assert fee_discount(fee, fees, charges, on_fees=on_fees, on_all=on_all) == expected
