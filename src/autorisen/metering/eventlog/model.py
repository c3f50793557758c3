"""What is asked of the event log, and what it shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.problems import FieldError
from autorisen.metering.corrections.model import Revision
from autorisen.metering.counting import measure_for
from autorisen.metering.decode import exact_json
from autorisen.metering.model import OPERATOR, MeterDefinition

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_BY_OPERATOR = "operator"


@dataclass(frozen=True)
class Search:
    """Which events are looked for; empty texts ask for any."""

    id: str = ""
    source: str = ""
    type: str = ""
    subject: str = ""
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether events have to be looked at one by one."""
        return bool(self.source or self.type or self.subject)

    @property
    def is_empty(self) -> bool:
        return not (self.id or self.is_narrow or self.start or self.end)


@dataclass(frozen=True)
class LoggedEvent:
    """One event in the log, without its data. `customer_id` is None while its subject is nobody's."""

    tenant: UUID
    source: str
    id: str
    type: str
    subject: str
    customer_id: UUID | None
    occurred_at: datetime

    @property
    def producer(self) -> str:
        """Whose key sent it, as an address says it."""
        return producer_text(self.tenant)


@dataclass(frozen=True)
class LogPage:
    """One page, newest event time first. `next` is where it goes on; `stopped_at` is the event time up to which was
    looked when the search gave up before the page was full."""

    events: tuple[LoggedEvent, ...]
    next: str | None = None
    stopped_at: datetime | None = None


@dataclass(frozen=True)
class Arrival:
    """The batch that an event came with."""

    batch_id: UUID
    received_at: datetime | None
    accepted: int


@dataclass(frozen=True)
class FullEvent:
    """One event with all that was sent, and its arrival."""

    logged: LoggedEvent
    timed: bool
    data_json: str
    extensions_json: str
    arrival: Arrival

    @property
    def document(self) -> str:
        """The CloudEvent as JSON for people to read and copy; numbers as they were written."""
        members: dict[str, object] = {
            "specversion": "1.0",
            "id": self.logged.id,
            "source": self.logged.source,
            "type": self.logged.type,
            "subject": self.logged.subject,
        }
        if self.timed:
            members["time"] = self.logged.occurred_at
        if self.extensions_json:
            members |= msgspec.json.decode(self.extensions_json, type=dict[str, msgspec.Raw])
        members["data"] = msgspec.Raw(self.data_json.encode())
        return laid_out(msgspec.json.encode(members).decode())


@dataclass(frozen=True)
class Contribution:
    """What one event adds to one meter; `rule` says why it adds nothing, or which value a `unique` meter saw."""

    meter: MeterDefinition
    quantity: Decimal | None
    rule: str = ""


def counted(event: FullEvent, revisions: Sequence[Revision]) -> FullEvent | None:
    """The event as it counts after its corrections; None when the last one voids it."""
    if not revisions:
        return event
    content = revisions[-1].amended
    if content is None:
        return None
    logged = replace(
        event.logged,
        type=content.type,
        subject=content.subject,
        customer_id=content.customer_id,
        occurred_at=content.occurred_at,
    )
    return replace(event, logged=logged, data_json=content.data_json)


def contributions(meters: Sequence[MeterDefinition], event: FullEvent) -> tuple[Contribution, ...]:
    """What the event adds to each meter of its type, by the rule that counted it."""
    data = exact_json(event.data_json.encode())
    assert isinstance(data, dict), "only objects are stored"
    found = []
    for meter in meters:
        if meter.event_type == event.logged.type:
            measured = measure_for(meter)(data)
            if measured is None:
                found.append(Contribution(meter, None, "the meter's filter leaves it out"))
            elif isinstance(measured, FieldError):
                found.append(Contribution(meter, None, f"{measured.field} {measured.rule}"))
            elif isinstance(measured.value, str):
                found.append(Contribution(meter, Decimal(1), measured.value.removeprefix('"')))
            else:
                found.append(Contribution(meter, Decimal(measured.value)))
    return tuple(found)


def laid_out(text: str) -> str:
    """JSON for people to read, every digit as it was; what is not JSON stays as it is."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text


def producer_text(tenant: UUID) -> str:
    return _BY_OPERATOR if tenant == OPERATOR else public_id("cus", tenant)


def producer_of(text: str) -> UUID | None:
    """The tenant behind `producer_text`; None for what is none."""
    if text == _BY_OPERATOR:
        return OPERATOR
    try:
        return parse_public_id("cus", text)
    except MalformedId:
        return None
