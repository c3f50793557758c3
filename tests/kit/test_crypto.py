"""Digests and base62: known values, and what must not fit."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.kit.crypto import base62, checksum, derive_key, digest, equal, keyed_digest, url_safe

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def number_of(text: str) -> int:
    value = 0
    for letter in text:
        value = value * 62 + ALPHABET.index(letter)
    return value


@given(st.binary(min_size=32, max_size=32))
def test_256_bits_fit_43_letters_and_nothing_is_lost(data: bytes) -> None:
    number = int.from_bytes(data, "big")
    text = base62(number, 43)
    assert len(text) == 43
    assert number_of(text) == number


def test_a_number_that_does_not_fit_is_refused_not_cut() -> None:
    assert base62(62**2 - 1, 2) == "zz"
    with pytest.raises(ValueError, match="more than 2"):
        base62(62**2, 2)


@given(st.text())
def test_the_checksum_is_crc32_in_six_letters(text: str) -> None:
    assert number_of(checksum(text)) == zlib.crc32(text.encode())
    assert len(checksum(text)) == 6


def test_a_key_of_one_purpose_is_none_of_another() -> None:
    assert derive_key("secret", "csrf") != derive_key("secret", "api-key")
    assert derive_key("secret", "csrf") != derive_key("other", "csrf")
    assert len(derive_key("secret", "csrf")) == 32


def test_digests_are_the_standard_ones() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert keyed_digest(b"Jefe", "what do ya want for nothing?").hex() == expected
    assert digest("abc") == hashlib.sha256(b"abc").digest()


def test_comparison_and_url_form() -> None:
    assert equal(b"same", b"same")
    assert not equal(b"same", b"sane")
    assert url_safe(b"\xff\xfe\xfd") == "__79"
