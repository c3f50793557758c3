"""The rules that what people type must keep. Each gives the clean value, or says which field breaks what. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale

from autorisen.kit.money import EXPONENTS
from autorisen.kit.problems import FieldError, InvalidInput

EMAIL_LENGTH_MAX = 254
NAME_LENGTH_MAX = 120
ADDRESS_LENGTH_MAX = 600
KEY_LENGTH_MAX = 63

_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f<>\"(),:;\[\]\\]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VAT_NUMBER = re.compile(r"[A-Za-z0-9 ./-]{0,20}")
_HOME_TIME_ZONE = {"ZA": "Africa/Johannesburg"}


class Checks:
    """Collects every broken rule of one form, so that a person sees all of them at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def broken(self, field: str, rule: str) -> None:
        self.errors.append(FieldError(f"/{field}", rule))

    def done(self) -> None:
        """Raise `InvalidInput` if any rule was broken."""
        if self.errors:
            raise InvalidInput("correct the fields that are named", errors=self.errors)

    def line(self, field: str, text: str, *, longest: int = NAME_LENGTH_MAX, needed: bool = True) -> str:
        """One line of text for people to read."""
        text = unicodedata.normalize("NFC", text).strip()
        if needed and not text:
            self.broken(field, "fill this in")
        elif len(text) > longest:
            self.broken(field, f"use at most {longest} characters")
        elif any(_is_control(letter) for letter in text):
            self.broken(field, "use letters, digits and marks in one line")
        return text

    def lines(self, field: str, text: str, *, longest: int = ADDRESS_LENGTH_MAX) -> str:
        """Several lines, such as an address; may be empty."""
        rows = [row.strip() for row in unicodedata.normalize("NFC", text).replace("\r\n", "\n").split("\n")]
        joined = "\n".join(rows).strip()
        if len(joined) > longest:
            self.broken(field, f"use at most {longest} characters")
        elif any(_is_control(letter) for row in rows for letter in row):
            self.broken(field, "use letters, digits and marks")
        return joined

    def email(self, field: str, text: str) -> str:
        text = text.strip()
        if len(text) > EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(text) or any(_is_control(each) for each in text):
            self.broken(field, "give an e-mail address such as name@example.com")
        return text

    def country(self, field: str, text: str) -> str:
        if text not in _countries():
            self.broken(field, "give an ISO 3166 code of a country, such as ZA")
        return text

    def currency(self, field: str, text: str) -> str:
        if text not in EXPONENTS:
            self.broken(field, f"use one of {', '.join(EXPONENTS)}")
        return text

    def time_zone(self, field: str, text: str) -> str:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.broken(field, "give a time zone of the IANA list, such as Africa/Johannesburg")
        return text

    def key(self, field: str, text: str) -> str:
        if len(text) > KEY_LENGTH_MAX or not _KEY.fullmatch(text):
            self.broken(field, f"use small letters, digits and single hyphens, at most {KEY_LENGTH_MAX}")
        return text

    def vat_number(self, field: str, text: str) -> str:
        text = text.strip()
        if not _VAT_NUMBER.fullmatch(text):
            self.broken(field, "use at most 20 letters and digits")
        return text


def time_zone_of(country: str) -> str:
    """The time zone a new customer of that country starts with."""
    return _HOME_TIME_ZONE.get(country, "UTC")


def key_from_name(name: str) -> str:
    """A customer key derived from a company name: "Müller & Söhne (Pty) Ltd" gives "muller-sohne-pty-ltd"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:48].strip("-") or "customer"


def countries() -> list[tuple[str, str]]:
    """Codes and English names, by name, for a form."""
    return sorted(_countries().items(), key=lambda item: item[1])


@cache
def _countries() -> dict[str, str]:
    names = {str(code): name for code, name in Locale("en").territories.items()}
    pseudo = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}
    # Two letters are a country of ISO 3166-1; the others are regions of the UN.
    return {code: name for code, name in names.items() if len(code) == 2 and code not in pseudo}


# They turn the text after them around, also what we write behind a name.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _is_control(letter: str) -> bool:
    return letter in _TURNING or unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
