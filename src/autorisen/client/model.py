"""What the client keeps and tells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

HOUR_MS = 3_600_000

Fate = Literal["rejected", "conflict", "refused"]


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """One event on its way into the spool: `hour` counts from 1970, `recorded_ms` too, `body` is its JSON."""

    source: str
    hour: int
    recorded_ms: int
    body: bytes


class Spooled(msgspec.Struct, frozen=True, gc=False):
    """One event in the spool. `number` is its place in it and never used again for another."""

    number: int
    source: str
    hour: int
    body: bytes


class Lost(msgspec.Struct, frozen=True, gc=False):
    """What the server would not count: event `number` of the spool, and why."""

    number: int
    fate: Fate
    reason: str


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Events that are sent together, in the order of the spool.

    Those with a number above `tried_through` have never been on the wire: when the server knows such an event already,
    it was recorded twice under one id, and not sent twice.
    """

    events: Sequence[Spooled]
    tried_through: int

    def halves(self) -> tuple[Batch, Batch]:
        middle = len(self.events) // 2
        return Batch(self.events[:middle], self.tried_through), Batch(self.events[middle:], self.tried_through)


@dataclass(frozen=True)
class Settled:
    """What the server said about a batch; what is neither in `dead` nor in `repeated` counts there now."""

    batch: Batch
    dead: tuple[Lost, ...] = ()
    repeated: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Status:
    """How the spool and its sending are, at one moment.

    `pending` wait to be sent, `sent` were taken by the server since the spool exists, `dead` were not and wait for a
    person. `stopped` says that this client has given up sending until `resume`: the key was refused.
    """

    pending: int
    sent: int
    dead: int
    oldest_pending_seconds: float | None
    last_error: str | None
    stopped: bool


@dataclass(frozen=True)
class DeadLetter:
    """An event that the server would not count, with its `reason`.

    `fate` is "rejected" (breaks a rule), "conflict" (its id is taken by other content) or "refused" (its request was
    answered with a 4xx, and so was it alone).
    """

    number: int
    fate: Fate
    reason: str
    died_at: datetime
    event: dict[str, object]


@dataclass(frozen=True)
class ControlTotal:
    """The events of one source and hour (of event time, UTC) that this spool knows of, each counted once.

    `events` = `acked` + `pending` + `dead`. `repeated` were recorded again under an id that had been sent before, and
    are in none of these.
    """

    source: str
    hour: datetime
    events: int
    acked: int
    pending: int
    dead: int
    repeated: int


@dataclass(frozen=True)
class Told:
    """What the server is told of an hour that is over. `digest` is None when a client counted that knew none.

    `is_listed` says that all ids are still known.
    """

    source: str
    hour: int
    events: int
    digest: int | None
    is_listed: bool


@dataclass(frozen=True)
class MissingEvent:
    """An event that the server has not stored in its hour although it had taken it, and the server's reason.

    "other_hour" (it is stored at another time), "unknown" (it was lost there), "rejected" or "conflict".
    """

    source: str
    hour: datetime
    id: str
    reason: str


def hour_start(hour: int) -> datetime:
    """The beginning of an hour that is counted from 1970."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
