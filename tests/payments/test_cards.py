"""The test cards: what each does, and that no other number means anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.payments.sandbox.cards import FAILURES, HINTS, Answer, Behaviour, answer, parse_expiry, recognise
from autorisen.payments.sandbox.model import fee_of
from tests.factories.payments import ALL_CARDS

CARD_ANSWERS = [
    ("4242 4242 4242 4242", Answer("succeeded"), Answer("succeeded")),
    ("4000-0025-0000-3155", Answer("requires_action"), Answer("succeeded")),
    ("4000000000000002", Answer("failed", "card_declined"), Answer("failed", "card_declined")),
    ("4000 0000 0000 9995", Answer("failed", "insufficient_funds"), Answer("failed", "insufficient_funds")),
    ("4000 0000 0000 0341", Answer("succeeded"), Answer("failed", "card_declined")),
    ("4000 0000 0000 0259", Answer("succeeded"), Answer("succeeded")),
    ("4000 0000 0000 2685", Answer("succeeded"), Answer("succeeded")),
    ("4000 0000 0000 0267", Answer("succeeded"), Answer("succeeded")),
]


@pytest.mark.parametrize("number,present,later", CARD_ANSWERS)
def test_each_card_answers_with_the_payer_present_and_later(number: str, present: Answer, later: Answer) -> None:
    card = recognise(number)
    assert card is not None
    assert card.last4 == number[-4:]
    assert answer(card.behaviour, payer_is_present=True) == present
    assert answer(card.behaviour, payer_is_present=False) == later


def test_the_page_lists_every_card_and_every_failure_has_words() -> None:
    assert {hint.number for hint in HINTS} == set(ALL_CARDS)
    assert {card.behaviour for card in map(recognise, ALL_CARDS) if card} == set(Behaviour)
    codes = {said.failure_code for _, *both in CARD_ANSWERS for said in both} - {None}
    assert codes <= set(FAILURES)


@given(st.text(max_size=30))
def test_no_other_text_is_a_card(text: str) -> None:
    digits = text.replace(" ", "").replace("-", "")
    assert (recognise(text) is not None) == (digits in {number.replace(" ", "") for number in ALL_CARDS})


@pytest.mark.parametrize(
    "text,expected",
    [
        ("12/30", (12, 2030)),
        ("1/30", (1, 2030)),
        (" 01 / 2031 ", (1, 2031)),
        ("00/30", None),
        ("13/30", None),
        ("001/30", None),
        ("12/300", None),
        ("12-30", None),
        ("1230", None),
        ("", None),
        ("/", None),
        ("a/30", None),
        ("12/b", None),
        ("\u0661/30", None),
        ("12/\u0663\u0660", None),
    ],
)
def test_an_expiry_is_month_and_year(text: str, expected: tuple[int, int] | None) -> None:
    assert parse_expiry(text) == expected


@pytest.mark.parametrize(
    "amount,currency,fee",
    [
        (52_900, "ZAR", 1_947 + 230),
        (1_250, "ZAR", 46 + 230),
        (1_236, "ZAR", 45 + 230),
        (2_900, "USD", 84 + 30),
        (100, "ZAR", 100),
        (1, "USD", 1),
    ],
)
def test_a_fee_is_a_part_of_the_charge_and_cents_on_top(amount: int, currency: str, fee: int) -> None:
    assert fee_of(amount, currency) == fee
