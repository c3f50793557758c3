"""Event ids: UUIDv7 (RFC 9562), which sort by time, so that the server's index grows at one end."""

from __future__ import annotations

from autorisen.client.system import RandomBytes


class Ids:
    """UUIDv7 in the order they were asked for, from one source of randomness.

    Within one millisecond the 12 bits after the time count upwards. Not locked: two threads that meet get the same
    count and different random bits, so that ids stay unique and only their order within a millisecond is open.
    """

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._last_ms = -1
        self._counter = 0

    def new(self, at_ms: int) -> str:
        if at_ms > self._last_ms:
            self._last_ms, self._counter = at_ms, 0
        else:
            self._counter += 1
            if self._counter > 0xFFF:
                self._last_ms, self._counter = self._last_ms + 1, 0
        ms, chance = self._last_ms, int.from_bytes(self._random_bytes(8), "big")
        return "%08x-%04x-%04x-%04x-%012x" % (  # noqa: UP031 -- a third of the time of slicing one long number
            ms >> 16,
            ms & 0xFFFF,
            0x7000 | self._counter,
            0x8000 | chance >> 48 & 0x3FFF,
            chance & 0xFFFFFFFFFFFF,
        )
