"""Control totals: what a producer counted, beside what is stored. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

TOTALS_LIMIT = 100
IDS_LIMIT = 10_000
EVENTS_LIMIT = 10**15


@dataclass(frozen=True)
class ControlTotal:
    """How many different events of one source and hour (of event time, UTC) one producer sent.

    `digest` is `ids_digest` of their ids, None when only the number is known.
    """

    source: str
    hour: datetime
    producer: str
    events: int
    digest: int | None = None


@dataclass(frozen=True)
class Tally:
    """The events of one tenant, source and hour: their number, and the digest of their ids."""

    events: int
    digest: int | None


class Verdict(StrEnum):
    """`matches`: what all producers of the source say adds up to what is stored."""

    MATCHES = "matches"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Answer:
    """What became of one control total: `stored` are all events of the source and hour, of any producer."""

    total: ControlTotal
    revision: int
    said: Tally
    stored: Tally

    @property
    def verdict(self) -> Verdict:
        return Verdict.MATCHES if agrees(self.said, self.stored) else Verdict.DIFFERS


class Reason(StrEnum):
    """Why an event that a producer counts is not in the hour it says."""

    REJECTED = "rejected"
    CONFLICT = "conflict"
    OTHER_HOUR = "other_hour"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MissingEvent:
    """An event that the producer counts and that is not stored in its hour."""

    id: str
    reason: Reason


@dataclass(frozen=True)
class Listing:
    """The ids that a producer counts in one hour, from after `after` up to `through` in the order of their bytes.

    `after` is empty at the beginning, `through` is None at the end.
    """

    source: str
    hour: datetime
    producer: str
    ids: tuple[str, ...]
    after: str = ""
    through: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What of a listing is not here, and what is here and not in it: None where others count the same source."""

    missing: tuple[MissingEvent, ...]
    unexpected: tuple[str, ...] | None


@dataclass(frozen=True)
class Place:
    """What a control total is about."""

    tenant: UUID
    source: str
    hour: datetime


def agrees(said: Tally, stored: Tally) -> bool:
    """Whether two tallies are of the same events, as far as both can tell."""
    if said.events != stored.events:
        return False
    return said.digest is None or stored.digest is None or said.digest == stored.digest


def sum_of(totals: Iterable[ControlTotal]) -> Tally:
    """What the producers of one source and hour say together."""
    events, digest = 0, 0
    is_whole = True
    for total in totals:
        events += total.events
        if total.digest is None:
            is_whole = False
        else:
            digest ^= total.digest
    return Tally(events, digest if is_whole else None)


def ids_digest(ids: Iterable[str]) -> int:
    """The exclusive or of the first 8 bytes of the SHA-256 of each id: the same in any order, and cheap to go on with.

    It tells apart by accident only: two sets of as many ids agree with odds of 2^-64.
    """
    digest = 0
    for id in ids:
        digest ^= int.from_bytes(sha256(id.encode()).digest()[:8], "big")
    return digest


def digest_text(digest: int | None) -> str | None:
    return None if digest is None else f"{digest:016x}"


def signed(digest: int | None) -> int | None:
    """The digest as PostgreSQL's bigint holds it."""
    return digest if digest is None or digest < 1 << 63 else digest - (1 << 64)


def unsigned(digest: int | None) -> int | None:
    return None if digest is None else digest % (1 << 64)
