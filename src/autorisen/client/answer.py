"""What an answer of the server means for the events of its request. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from autorisen.client.model import Batch, Fate, Lost, Settled

# A server may ask for a longer pause; a mistake of it must not silence a producer for days.
RETRY_AFTER_LIMIT = 3600.0
_REFUSED = frozenset({401, 403})
# The request is at fault and another cut of it may pass. Other 4xx are about the address or the moment: tried again.
_SPLIT = frozenset({400, 409, 411, 412, 413, 414, 415, 422, 431})
_REASON_LIMIT = 500
_SECONDS = re.compile(r"\s*\d{1,9}\s*", re.ASCII)


class _Result(msgspec.Struct):
    index: int
    status: str
    reason: str | None = None
    field: str | None = None


class _Receipt(msgspec.Struct):
    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    results: list[_Result]


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str | None = None


_read_receipt = msgspec.json.Decoder(_Receipt).decode
_read_problem = msgspec.json.Decoder(_Problem).decode


@dataclass(frozen=True)
class Again:
    """Nobody knows whether the events are there: send the same ones later, not before `wait` seconds when given."""

    reason: str
    wait: float | None = None


@dataclass(frozen=True)
class Refused:
    """Whatever is sent with this key is refused: sending stops."""

    reason: str


@dataclass(frozen=True)
class TooMuch:
    """The request as a whole is refused: the fault may be one event's, so it is cut in two."""

    reason: str


Answer = Settled | Again | Refused | TooMuch


def read_answer(batch: Batch, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
    """What became of `batch`. Only a complete receipt for exactly these events is taken as one."""
    if status == 200:
        return _settled(batch, body)
    reason = f"{status}: {_say(body)}" if (_say(body)) else f"answered with {status}"
    if status in _REFUSED:
        return Refused(reason)
    if status in _SPLIT:
        return TooMuch(reason)
    return Again(reason, retry_after(headers.get("retry-after"), now))


def _settled(batch: Batch, body: bytes) -> Settled | Again:
    try:
        receipt = _read_receipt(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Again("answered with 200 but no receipt: is this the address of an autorisen server?")
    events = batch.events
    plainly = receipt.accepted
    told = receipt.duplicates + receipt.conflicts + receipt.rejected
    indexes = {result.index for result in receipt.results}
    if plainly + told != len(events) or len(receipt.results) != told or len(indexes) != told:
        return Again("answered with a receipt for other events")
    if not indexes <= set(range(len(events))):
        return Again("answered with a receipt for other events")
    dead: list[Lost] = []
    repeated: set[int] = set()
    for result in receipt.results:
        number = events[result.index].number
        if result.status == "duplicate":
            if number > batch.tried_through:
                repeated.add(number)
        elif result.status in ("rejected", "conflict"):
            fate: Fate = "conflict" if result.status == "conflict" else "rejected"
            dead.append(
                Lost(number, fate, f"{result.field or ''} {result.reason or result.status}".strip()[:_REASON_LIMIT])
            )
        else:
            return Again(f"answered with a receipt that says {result.status!r:.40}")
    return Settled(batch, tuple(dead), frozenset(repeated))


def _say(body: bytes) -> str:
    """The words of a problem document; nothing of other bodies, which may be whole pages of a proxy."""
    try:
        problem = _read_problem(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return (problem.detail or problem.title)[:_REASON_LIMIT]


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, as a number or a date; None where there is none that can be read."""
    if text is None:
        return None
    if _SECONDS.fullmatch(text):
        return min(float(text), RETRY_AFTER_LIMIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)


def backoff(failures: int, longest: float, chance: float) -> float:
    """Seconds before try number `failures` + 1: doubling from half a second, and of that a share between half and all.

    `chance` is from 0 to 1: producers that failed together come back apart.
    """
    most = min(longest, 0.5 * 2.0 ** min(failures - 1, 30))
    return most * (0.5 + chance / 2)


def settle_refused(batch: Batch, answer: TooMuch) -> Settled:
    """A request of one event that is refused as a whole: the event is dead."""
    return Settled(batch, tuple(Lost(event.number, "refused", answer.reason) for event in batch.events))
