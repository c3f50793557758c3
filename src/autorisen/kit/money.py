"""Money: integer minor units with a currency. Rounding is explicit, half up, and happens once per line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import format_currency

# ISO 4217 exponents of the currencies we price in.
EXPONENTS = {"ZAR": 2, "USD": 2}


class CurrencyMismatch(TypeError):
    """Two amounts of different currencies never meet in one sum."""


class UnknownCurrency(ValueError):
    """A currency that the platform does not price in."""


@dataclass(frozen=True, order=False)
class Money:
    """An amount in integer minor units (cents) of an ISO 4217 currency. Negative means credit."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        # A float or Decimal slips past the types at run time (a row, a JSON value); bool is an int in Python.
        if type(self.minor) is not int:
            raise TypeError("money is an integer number of minor units")
        if self.currency not in EXPONENTS:
            raise UnknownCurrency(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """From a decimal string in major units, such as "529.00". Raises ValueError for parts of a cent."""
        scaled = Decimal(text).scaleb(EXPONENTS[currency])
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{text} has parts of a minor unit of {currency}")
        return cls(int(scaled), currency)

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-EXPONENTS[self.currency])

    def __str__(self) -> str:
        return f"{self.currency} {self.major:.{EXPONENTS[self.currency]}f}"

    def format(self, locale: str = "en_ZA") -> str:
        """For people, in the given locale: R 529,00 or R529.00 as CLDR has it."""
        return str(format_currency(self.major, self.currency, locale=locale))


def round_half_up(amount: Decimal) -> int:
    """Minor units from an exact amount: half a unit or more goes away from zero (South African VAT Act s66)."""
    # Not quantize: it would refuse an amount of more digits than the context's 28.
    return int(amount.to_integral_value(rounding=ROUND_HALF_UP))


def tax_fraction(gross_minor: int, rate: Decimal) -> int:
    """The tax contained in a tax-inclusive amount: gross x rate / (1 + rate), half up.

    `rate` is the fraction (0.15 for 15 %). The multiplication comes first, so the fraction itself is never rounded.
    """
    return round_half_up(Decimal(gross_minor) * rate / (1 + rate))


def plain(number: Decimal) -> str:
    """A decimal in full, every digit of it, without trailing zeros: 20, not 2E+1."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
