"""The test cards and what each one does. Pure.

A number exists only in the request that carries it: it is looked up here and forgotten. What is kept is a token, the
brand and the last four digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Behaviour(StrEnum):
    """How the bank behind a test card answers."""

    SUCCEEDS = "succeeds"
    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    NEEDS_STEP = "needs_step"
    FAILS_LATER = "fails_later"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"

    @property
    def is_disputed(self) -> bool:
        """Whether the payer's bank asks a successful charge back, however that ends."""
        return self in (Behaviour.DISPUTED, Behaviour.DISPUTE_WON, Behaviour.DISPUTE_LOST)


@dataclass(frozen=True)
class CardOnTest:
    """A card as the checkout page knows it after the number is gone."""

    behaviour: Behaviour
    brand: str
    last4: str


@dataclass(frozen=True)
class Hint:
    """One line of the page's list of test cards."""

    number: str
    effect: str


HINTS: tuple[Hint, ...] = (
    Hint("4242 4242 4242 4242", "succeeds"),
    Hint("4000 0025 0000 3155", "asks for a confirmation, then succeeds"),
    Hint("4000 0000 0000 0002", "is declined"),
    Hint("4000 0000 0000 9995", "has insufficient funds"),
    Hint("4000 0000 0000 0341", "is saved, fails when charged later"),
    Hint("4000 0000 0000 0259", "succeeds, is disputed a day later"),
    Hint("4000 0000 0000 2685", "is disputed a day later, is decided for you in a week"),
    Hint("4000 0000 0000 0267", "is disputed a day later, is lost in a week"),
)

_BEHAVIOURS: Mapping[str, Behaviour] = MappingProxyType(
    {
        "4242424242424242": Behaviour.SUCCEEDS,
        "4000002500003155": Behaviour.NEEDS_STEP,
        "4000000000000002": Behaviour.DECLINED,
        "4000000000009995": Behaviour.INSUFFICIENT_FUNDS,
        "4000000000000341": Behaviour.FAILS_LATER,
        "4000000000000259": Behaviour.DISPUTED,
        "4000000000002685": Behaviour.DISPUTE_WON,
        "4000000000000267": Behaviour.DISPUTE_LOST,
    }
)

FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "card_declined": "The bank declined the card.",
        "insufficient_funds": "The card has insufficient funds.",
        "authentication_denied": "The payment was not confirmed with the bank.",
        "superseded": "The payment was made in another way meanwhile.",
        "checkout_expired": "The payment page was not used in time.",
    }
)


@dataclass(frozen=True)
class Answer:
    """What the bank says to a charge. `failure_code` is set exactly when the status is failed."""

    status: str
    failure_code: str | None = None


def recognise(number: str) -> CardOnTest | None:
    """The test card of a number, spaces and dashes aside; None for any other number, real ones above all."""
    digits = number.replace(" ", "").replace("-", "")
    behaviour = _BEHAVIOURS.get(digits)
    return CardOnTest(behaviour, "visa", digits[-4:]) if behaviour else None


def answer(behaviour: Behaviour, *, payer_is_present: bool) -> Answer:
    """What the bank behind a card says. A card that was confirmed once needs no step when charged later."""
    match behaviour:
        case Behaviour.DECLINED:
            return Answer("failed", "card_declined")
        case Behaviour.INSUFFICIENT_FUNDS:
            return Answer("failed", "insufficient_funds")
        case Behaviour.NEEDS_STEP if payer_is_present:
            return Answer("requires_action")
        case Behaviour.FAILS_LATER if not payer_is_present:
            return Answer("failed", "card_declined")
        case _:
            return Answer("succeeded")


def parse_expiry(text: str) -> tuple[int, int] | None:
    """Month and four-digit year of `MM/YY` (or `MM / YYYY`); None when it is not one."""
    month, separator, year = (part.strip() for part in text.partition("/"))
    if not (separator and month.isascii() and year.isascii() and month.isdigit() and year.isdigit()):
        return None
    if not 1 <= int(month) <= 12 or len(month) > 2 or len(year) not in (2, 4):
        return None
    return int(month), int(year) if len(year) == 4 else 2000 + int(year)
