"""Rejected and conflicting events as people mend them: what was kept, and what became of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.metering.model import OPERATOR

REASON_LIMIT = 500


class RejectionStatus(StrEnum):
    """An open rejection waits for a person; the others are over, for ever."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class ConflictStatus(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"
    AMENDED = "amended"


@dataclass(frozen=True)
class Resolution:
    """Who ended a rejection or a conflict, when and why; of a replay also the event that it became."""

    outcome: str
    actor: str
    reason: str
    at: datetime
    source: str | None = None
    event_id: str | None = None
    body: str | None = None


@dataclass(frozen=True)
class RejectedEvent:
    """An event that was refused, as it was sent, with the rule it broke, how often it came and what became of it."""

    id: UUID
    tenant: UUID
    event_id: str | None
    field: str
    rule: str
    body: str
    times: int
    first_received_at: datetime
    last_received_at: datetime
    status: RejectionStatus
    resolution: Resolution | None = None

    @property
    def public_id(self) -> str:
        return public_id("rej", self.id)

    @property
    def producer(self) -> UUID | None:
        """The customer whose key sent it; None for an operator's key."""
        return None if self.tenant == OPERATOR else self.tenant


@dataclass(frozen=True)
class Content:
    """What tells two events of one identity apart."""

    type: str
    subject: str
    time: datetime | None
    data_json: str
    extensions_json: str


@dataclass(frozen=True)
class ConflictingEvent:
    """An event whose identity was taken by another content, which is the one that counts."""

    id: UUID
    tenant: UUID
    source: str
    event_id: str
    sent: Content
    kept: Content
    customer_id: UUID | None
    received_at: datetime
    status: ConflictStatus
    resolution: Resolution | None = None

    @property
    def public_id(self) -> str:
        return public_id("cnf", self.id)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Where what was sent is not as what counts."""
        return differences(_attributes(self.kept), _attributes(self.sent))


@dataclass(frozen=True)
class BrokenRule:
    """A rule with how many open rejections break it, among the newest that were looked at."""

    field: str
    rule: str
    events: int
    times: int
    last_received_at: datetime


@dataclass(frozen=True)
class Difference:
    """One place at which a conflicting event is not as the one that counts; None where one of them has nothing."""

    place: str
    kept: str | None
    sent: str | None


def merge_patch(document: object, patch: object) -> object:
    """`document` changed as RFC 7396 says: members of `patch` replace, null removes, all else stays."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def differences(kept: Mapping[str, object], sent: Mapping[str, object]) -> tuple[Difference, ...]:
    """Every leaf at which two JSON objects differ, in the order of their places (JSON pointers)."""
    before, after = dict(_leaves("", kept)), dict(_leaves("", sent))
    places = sorted(before.keys() | after.keys())
    return tuple(
        Difference(place, before.get(place), after.get(place))
        for place in places
        if before.get(place) != after.get(place)
    )


def _attributes(content: Content) -> dict[str, object]:
    """As the attributes of a CloudEvent; numbers as they were written."""
    extensions = json.loads(content.extensions_json or "{}", parse_float=str, parse_int=str)
    return {
        **extensions,
        "type": content.type,
        "subject": content.subject,
        "time": content.time.isoformat() if content.time else "on arrival",
        "data": json.loads(content.data_json, parse_float=str, parse_int=str),
    }


def _leaves(place: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, child in value.items():
            yield from _leaves(f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}", child)
    else:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
