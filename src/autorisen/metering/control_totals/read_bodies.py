"""The bodies that producers send about what they counted, strictly. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from autorisen.kit.problems import FieldError, InvalidInput, MalformedBody
from autorisen.metering.control_totals.model import EVENTS_LIMIT, IDS_LIMIT, TOTALS_LIMIT, ControlTotal, Listing
from autorisen.metering.model import hour_of

TEXT_LIMIT = 256
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD_MAX = timedelta(hours=24)

_DIGEST = re.compile("[0-9a-f]{16}")


def read_totals(body: object, now: datetime) -> list[ControlTotal]:
    """The control totals of a decoded body. Raises `InvalidInput` with every broken rule, each named by its place."""
    form = _Form(now)
    members = form.members(body, "", {"totals"})
    listed = members.get("totals")
    totals: list[ControlTotal] = []
    if not isinstance(listed, list) or not 0 < len(listed) <= TOTALS_LIMIT:
        form.refuse("/totals", f"must be a list of 1 to {TOTALS_LIMIT:,}")
        listed = []
    for number, item in enumerate(listed):
        place = f"/totals/{number}"
        each = form.members(item, place, {"source", "hour", "producer", "events", "digest"})
        totals.append(
            ControlTotal(
                source=form.text(each, "source", place),
                hour=form.hour(each, place),
                producer=form.text(each, "producer", place, needed=False),
                events=form.count(each, place),
                digest=form.digest(each, place),
            )
        )
    form.settle()
    return totals


def read_listing(body: object, now: datetime) -> Listing:
    """The ids of a decoded body. Raises `InvalidInput` with every broken rule."""
    form = _Form(now)
    members = form.members(body, "", {"source", "hour", "producer", "after", "through", "ids"})
    after = form.text(members, "after", "", needed=False)
    through = form.text(members, "through", "") if members.get("through") is not None else None
    ids = members.get("ids")
    if not isinstance(ids, list) or len(ids) > IDS_LIMIT:
        form.refuse("/ids", f"must be a list of at most {IDS_LIMIT:,}")
        ids = []
    for number, id in enumerate(ids):
        place = f"/ids/{number}"
        if not _is_text(id):
            form.refuse(place, f"must be a text of 1 to {TEXT_LIMIT} characters without control characters")
        elif not after.encode() < id.encode() or (through is not None and id.encode() > through.encode()):
            form.refuse(place, "must come after `after` and not after `through`, in the order of bytes")
    source, producer = form.text(members, "source", ""), form.text(members, "producer", "", needed=False)
    hour = form.hour(members, "")
    form.settle()
    return Listing(source, hour, producer, tuple(ids), after, through)


class _Form:
    """Reads members one by one and remembers every rule that one breaks."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._errors: list[FieldError] = []

    def refuse(self, field: str, rule: str) -> None:
        self._errors.append(FieldError(field, rule))

    def settle(self) -> None:
        if self._errors:
            first = self._errors[0]
            raise InvalidInput(f"{first.field} {first.rule}", errors=self._errors)

    def members(self, value: object, place: str, known: set[str]) -> dict[str, object]:
        if not isinstance(value, dict):
            if not place:
                raise MalformedBody("the body must be a JSON object")
            self.refuse(place, "must be an object")
            return {}
        for name in sorted(value.keys() - known):
            self.refuse(f"{place}/{name}", "is not known")
        return value

    def text(self, members: dict[str, object], name: str, place: str, *, needed: bool = True) -> str:
        value = members.get(name, None if needed else "")
        if isinstance(value, str) and (_is_text(value) or (not needed and not value)):
            return value
        self.refuse(f"{place}/{name}", f"must be a text of 1 to {TEXT_LIMIT} characters without control characters")
        return ""

    def hour(self, members: dict[str, object], place: str) -> datetime:
        text = members.get("hour")
        try:
            at = datetime.fromisoformat(text) if isinstance(text, str) else None
            if at is not None and at.tzinfo is not None and at.astimezone(UTC) == hour_of(at):
                if EARLIEST <= at <= self._now + AHEAD_MAX:
                    return at.astimezone(UTC)
                self.refuse(f"{place}/hour", "must be from the year 2000 to at most 24 hours ahead")
                return EARLIEST
        except (ValueError, OverflowError):
            pass
        self.refuse(f"{place}/hour", "must be the beginning of an hour in UTC, like 2026-03-01T08:00:00Z")
        return EARLIEST

    def count(self, members: dict[str, object], place: str) -> int:
        value = members.get("events")
        if type(value) is int and 0 <= value < EVENTS_LIMIT:
            return value
        self.refuse(f"{place}/events", "must be a whole number from 0 to below 10^15")
        return 0

    def digest(self, members: dict[str, object], place: str) -> int | None:
        value = members.get("digest")
        if value is None:
            return None
        if isinstance(value, str) and _DIGEST.fullmatch(value):
            return int(value, 16)
        self.refuse(f"{place}/digest", "must be 16 hexadecimal digits in lower case")
        return None


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LIMIT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return not any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in value)
