"""An amount of money as a person types it."""

from __future__ import annotations

import re

from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)


def read_amount(text: str, currency: str, field: str) -> Money:
    """The amount in a text such as "250", "1 250,00" or "R250.50". Raises `InvalidInput`, which names the field."""
    plain = re.sub(r"\s", "", text).upper().removeprefix(currency).removeprefix("R").removeprefix("$")
    plain = plain.replace(",", ".")
    if not _AMOUNT.fullmatch(plain):
        raise InvalidInput(errors=[FieldError(field, "must be an amount such as 250.00")])
    return Money.parse(plain, currency)
