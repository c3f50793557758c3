"""One table of a TOML file, read strictly: each reader takes one key, and what nobody took is an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from autorisen.kit.problems import FieldError

TEXT_LENGTH_MAX = 200
WHOLE_MAX = 10**12
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,20})?", re.ASCII)
# Any time zone's clock can show these.
YEARS = (1970, 9998)


class Table:
    """Readers report a broken rule with its JSON pointer and go on with a harmless value, so one run shows all."""

    def __init__(self, raw: dict[str, object], path: str, errors: list[FieldError]) -> None:
        self.raw = raw
        self._path = path
        self._errors = errors
        self._taken: set[str] = set()

    def fail(self, key: str, rule: str) -> None:
        self._errors.append(FieldError(f"{self._path}/{key}", rule))

    def take(self, key: str, *, required: bool = True) -> object:
        self._taken.add(key)
        if required and key not in self.raw:
            self.fail(key, "is required")
        return self.raw.get(key)

    def refuse_unknown(self) -> None:
        for key in sorted(self.raw.keys() - self._taken):
            self.fail(key, "is not a known key")

    def refuse_repeats(self, key: str, found: Sequence[tuple[str, ...]]) -> None:
        for repeated in sorted({each for each in found if found.count(each) > 1}):
            self.fail(key, f"must not repeat {' '.join(repeated)}")

    def text(self, key: str, *, pattern: re.Pattern[str] | None = None) -> str:
        value = self.take(key)
        if value is None:
            return ""
        if not isinstance(value, str) or not 0 < len(value.strip()) <= TEXT_LENGTH_MAX:
            self.fail(key, f"must be a text of 1 to {TEXT_LENGTH_MAX} characters")
            return ""
        if pattern is not None and not pattern.fullmatch(value):
            self.fail(key, f"must match {pattern.pattern}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
            self.fail(key, "must be a list of texts")
            return ()
        return tuple(value)

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """A text or a list of different ones, sorted. An empty text is one: it stands for what is absent."""
        value = self.take(key)
        many = value if isinstance(value, list) else [value]
        texts = [each for each in many if isinstance(each, str) and len(each) <= TEXT_LENGTH_MAX]
        if not texts or len(texts) < len(many):
            self.fail(key, f"must be a text of at most {TEXT_LENGTH_MAX} characters, or a list of them")
            return ()
        self.refuse_repeats(key, [(text,) for text in texts])
        return tuple(sorted(texts))

    def choice(self, key: str, choices: tuple[str, ...], *, rule: str = "") -> str:
        """One of the choices; the first one stands in for a wrong value."""
        value = self.take(key)
        if isinstance(value, str) and value in choices:
            return value
        if value is not None:
            self.fail(key, rule or f"must be one of {', '.join(choices)}")
        return choices[0] if choices else ""

    def flag(self, key: str, *, fallback: bool | None = None) -> bool:
        value = self.take(key, required=fallback is None)
        if value is None:
            return bool(fallback)
        if not isinstance(value, bool):
            self.fail(key, "must be true or false")
            return False
        return value

    def instant(self, key: str) -> datetime | None:
        """A date and time with its offset; None where there is none."""
        value = self.take(key, required=False)
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.fail(key, "must be a date and time with a UTC offset")
        elif not YEARS[0] <= value.year <= YEARS[1]:
            self.fail(key, f"must be in a year from {YEARS[0]} to {YEARS[1]}")
        else:
            return value
        return None

    def whole(self, key: str, *, fallback: int | None = None, most: int = WHOLE_MAX) -> int:
        value = self.take(key, required=fallback is None)
        if value is None:
            return fallback or 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.fail(key, f"must be a whole number from 0 to {most}")
            return 0
        return value

    def amount(self, key: str, *, places: int) -> Decimal:
        """Money in major units as a text such as "529.00": a float can't hold it, so a float is refused."""
        value = self.take(key)
        if value is None:
            return Decimal(0)
        if not isinstance(value, str):
            self.fail(key, 'must be a decimal in quotes, such as "529.00", never a float')
        elif value.startswith("-"):
            self.fail(key, "must not be negative")
        elif not _DECIMAL.fullmatch(value) or len(value.partition(".")[2]) > places:
            self.fail(
                key,
                f'must be a decimal such as "529.00" with at most {places} decimal places',
            )
        else:
            return Decimal(value)
        return Decimal(0)

    def quantity(self, key: str) -> Decimal:
        """A quantity: a whole number, or a decimal in quotes."""
        if isinstance(self.raw.get(key), str):
            return self.amount(key, places=6)
        return Decimal(self.whole(key))

    def table(self, key: str) -> Table:
        value = self.take(key)
        if isinstance(value, dict):
            return Table(value, f"{self._path}/{key}", self._errors)
        if value is not None:
            self.fail(key, "must be a table")
        # One error is enough: what a table that is not there lacks goes unreported.
        return Table({}, "", [])

    def tables(self, key: str, *, required: bool = False) -> list[Table]:
        value = self.take(key, required=required)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value) or not value:
            self.fail(key, f"must be one or more tables, written as [[{key}]]")
            return []
        return [Table(each, f"{self._path}/{key}/{index}", self._errors) for index, each in enumerate(value)]
