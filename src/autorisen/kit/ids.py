"""Identifiers: UUIDv7 inside (RFC 9562), prefixed public ids outside (TypeID 0.3 encoding), and secret tokens."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from random import Random
from typing import ClassVar
from uuid import UUID

from autorisen.kit.clock import Clock
from autorisen.kit.problems import Problem

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_SUFFIX_LENGTH = 26


class MalformedId(Problem):
    """A public id that can't be one: answered like an id that does not exist, so nothing is learnt from it."""

    status: ClassVar[int] = 404
    code: ClassVar[str] = "not_found"
    title: ClassVar[str] = "Not found"


class Ids:
    """Makes UUIDv7 ids in time order and unguessable tokens from one source of randomness.

    Within one millisecond the 12 bits after the time count upwards (RFC 9562 section 6.2, method 1), so that ids of
    one process sort in the order they were made.
    """

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._last_ms = -1
        self._counter = 0

    def new(self) -> UUID:
        at_ms = int(self._clock.now().timestamp() * 1000)
        if at_ms > self._last_ms:
            self._last_ms, self._counter = at_ms, self._random_bytes(1)[0]
        else:
            self._counter += 1
            if self._counter > 0xFFF:
                self._last_ms, self._counter = self._last_ms + 1, 0
        tail = int.from_bytes(self._random_bytes(8), "big") & ((1 << 62) - 1)
        return UUID(int=(self._last_ms << 80) | (0x7 << 76) | (self._counter << 64) | (0b10 << 62) | tail)

    def token(self, nbytes: int = 32) -> str:
        """A url-safe secret of `nbytes` random bytes."""
        return base64.urlsafe_b64encode(self._random_bytes(nbytes)).rstrip(b"=").decode()

    def bytes(self, nbytes: int) -> bytes:
        return self._random_bytes(nbytes)


def seeded_ids(clock: Clock, seed: int) -> Ids:
    """Ids that repeat for the same seed and clock: for tests and simulations only, never for secrets."""
    return Ids(clock, Random(seed).randbytes)  # noqa: S311 -- repeatable on purpose


def public_id(prefix: str, value: UUID) -> str:
    """`cus` and a UUID become `cus_` and 26 letters that sort like the UUID."""
    number = value.int
    letters = [_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(letters)}"


def parse_public_id(prefix: str, text: str) -> UUID:
    """The UUID behind a public id. Raises `MalformedId` for another prefix, length, letter or an overflow."""
    head, _, suffix = text.rpartition("_")
    if head != prefix or len(suffix) != _SUFFIX_LENGTH or suffix[0] > "7":
        raise MalformedId(detail=f"there is no {prefix}_ id of that form")
    number = 0
    for letter in suffix:
        if letter not in _VALUES:
            raise MalformedId(detail=f"there is no {prefix}_ id of that form")
        number = number << 5 | _VALUES[letter]
    return UUID(int=number)
