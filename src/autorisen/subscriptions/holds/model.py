"""Quotas and the holds on them: what fits, and what may become of a hold. Pure.

Exact at any size that metering allows: sums never go through Python's 28 digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact
from enum import StrEnum
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.kit.problems import FieldError, InvalidInput
from autorisen.metering import Aggregation, MeterDefinition
from autorisen.subscriptions.holds.errors import HoldEnded, HoldExhausted, HoldKeyTaken, QuotaExceeded

EXACT = Context(prec=76, traps=[Inexact])
ZERO = Decimal(0)

QUANTITY_LIMIT = Decimal(10**18)
QUANTITY_DECIMALS = 12
# A counting meter counts events, and settling writes that many.
COUNT_MAX = 1_000
EXPIRES_MIN = timedelta(seconds=1)
EXPIRES_MAX = timedelta(days=1)
UPGRADE_URL = "/pricing"


class HoldStatus(StrEnum):
    """Where a hold stands; all but the first are final."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Quota:
    """What a customer may use of one meter in the period that runs from `start_at`.

    `held` is what outstanding holds keep from others. Without a plan that grants the meter, nothing is included.
    """

    meter: str
    included: Decimal
    used: Decimal
    held: Decimal
    overage_allowed: bool
    start_at: datetime

    @property
    def left(self) -> Decimal:
        """What of the allowance nobody uses or holds; never below zero, though use that was not held may exceed it."""
        return max(self._balance, ZERO)

    @property
    def remaining(self) -> Decimal | None:
        """What can still be held; None where the plan sets no hard limit."""
        return None if self.overage_allowed else self.left

    def takes(self, quantity: Decimal) -> bool:
        """Whether that much more may be held."""
        return self.overage_allowed or quantity <= self._balance

    def after(self, quantity: Decimal) -> Quota:
        """The quota with that much more held. Raises `QuotaExceeded`."""
        if not self.takes(quantity):
            raise self.exceeded(quantity)
        return replace(self, held=EXACT.add(self.held, quantity))

    def exceeded(self, quantity: Decimal) -> QuotaExceeded:
        detail = f"{text(quantity)} of {self.meter} was asked for, {text(self.left)} is left: wait, or change the plan"
        return QuotaExceeded(
            detail,
            meter=self.meter,
            included=text(self.included),
            used=text(self.used),
            held=text(self.held),
            left=text(self.left),
            upgrade_url=UPGRADE_URL,
        )

    @property
    def _balance(self) -> Decimal:
        return EXACT.subtract(self.included, EXACT.add(self.used, self.held))


@dataclass(frozen=True)
class Hold:
    """Room of one meter, reserved for one customer until it is settled, released, or `expires_at` (wall clock).

    `made_at` is business time: the use of the hold counts there, in the period it was made in, whenever it ends.
    `event_type`, `aggregation` and `value_path` are the meter as it was then. `remaining` is what could still be held
    after it was made. `used` is what counted in the end; `data` what its settling said, as JSON.
    """

    id: UUID
    customer_id: UUID
    meter: str
    key: str
    event_type: str
    aggregation: Aggregation
    value_path: tuple[str, ...]
    overage_allowed: bool
    quantity: Decimal
    remaining: Decimal | None
    expires_in_seconds: int
    made_at: datetime
    expires_at: datetime
    drawn: Decimal = ZERO
    status: HoldStatus = HoldStatus.HELD
    used: Decimal | None = None
    data: str | None = None
    ended_at: datetime | None = None

    @property
    def public_id(self) -> str:
        return public_id("hld", self.id)

    @property
    def left(self) -> Decimal:
        """What may still be drawn; nothing once it has ended."""
        return EXACT.subtract(self.quantity, self.drawn) if self.status is HoldStatus.HELD else ZERO

    def at(self, wall_now: datetime) -> Hold:
        """The hold as it stands then: once its time is up it has expired, whether or not somebody noted it yet."""
        if self.status is HoldStatus.HELD and self.expires_at <= wall_now:
            return self._ended(HoldStatus.EXPIRED, self.drawn, self.expires_at)
        return self

    def repeats(self, meter: str, quantity: Decimal, expires_in_seconds: int) -> Hold:
        """This hold, for a request with its key. Raises `HoldKeyTaken` when the request asks for something else."""
        if (self.meter, self.quantity, self.expires_in_seconds) != (meter, quantity, expires_in_seconds):
            raise HoldKeyTaken(f"{self.public_id} has that key; choose another key for another hold")
        return self

    def drawing(self, quantity: Decimal) -> Hold:
        """The hold with that much more of it used. Raises `HoldEnded`, `HoldExhausted`."""
        self._require_held()
        check_quantity(quantity, self.aggregation, least=self._smallest)
        if quantity > self.left:
            raise HoldExhausted(f"{text(self.left)} is left of it; hold more under another key", left=text(self.left))
        return replace(self, drawn=EXACT.add(self.drawn, quantity))

    def settling(self, quantity: Decimal, data: str, wall_now: datetime) -> Hold:
        """The hold settled at what was used in the end. Raises `HoldEnded`, `InvalidInput`.

        More than was held is for the caller to weigh against the room (`beyond`).
        """
        self._require_held()
        check_quantity(quantity, self.aggregation, least=ZERO)
        if quantity < self.drawn:
            raise _invalid(f"must be at least what was drawn, {text(self.drawn)}")
        return replace(self._ended(HoldStatus.SETTLED, quantity, wall_now), data=data)

    def settled_again(self, quantity: Decimal, data: str) -> Hold | None:
        """This hold, if it was settled by the very same request."""
        same = self.status is HoldStatus.SETTLED and (self.used, self.data) == (quantity, data)
        return self if same else None

    def releasing(self, wall_now: datetime) -> Hold:
        """The hold given back: what was drawn counts, the rest is free. Raises `HoldEnded`."""
        self._require_held()
        return self._ended(HoldStatus.RELEASED, self.drawn, wall_now)

    def beyond(self, quantity: Decimal) -> Decimal:
        """How much of a final quantity was not reserved."""
        return max(EXACT.subtract(quantity, self.quantity), ZERO)

    @property
    def _smallest(self) -> Decimal:
        return smallest(self.aggregation)

    def _ended(self, status: HoldStatus, used: Decimal, at: datetime) -> Hold:
        return replace(self, status=status, used=used, ended_at=at)

    def _require_held(self) -> None:
        if self.status is not HoldStatus.HELD:
            assert self.used is not None, "a hold that ended says what it used"
            detail = f"it is {self.status} at {text(self.used)}; send what else was used as an event"
            raise HoldEnded(detail, state=str(self.status), used=text(self.used))


@dataclass(frozen=True)
class Draw:
    """One use of a part of a hold, told apart by its sequence number; `drawn_after` is what was drawn with it."""

    hold_id: UUID
    sequence: int
    quantity: Decimal
    drawn_after: Decimal


def room_for_settling(hold: Hold, quantity: Decimal, quota: Quota) -> None:
    """Let a hold settle at more than was held only where there is room for the rest. Raises `QuotaExceeded`.

    Once its period is over there is none: the room of the period that runs now is not its own.
    """
    beyond = hold.beyond(quantity)
    if beyond and not hold.overage_allowed and (hold.made_at < quota.start_at or not quota.takes(beyond)):
        raise quota.exceeded(beyond)


def check_quantity(quantity: Decimal, aggregation: Aggregation, *, least: Decimal) -> None:
    """Raises `InvalidInput` for what metering could not count exactly."""
    exponent = quantity.as_tuple().exponent
    if not isinstance(exponent, int) or not ZERO <= quantity < QUANTITY_LIMIT or exponent < -QUANTITY_DECIMALS:
        raise _invalid("must be a number from 0 to below 10^18 with at most 12 decimals")
    if quantity < least:
        raise _invalid(f"must be at least {text(least)}")
    if aggregation is Aggregation.COUNT and (quantity > COUNT_MAX or quantity != quantity.to_integral_value()):
        raise _invalid(f"must be a whole number of at most {COUNT_MAX:,}: the meter counts events")


def smallest(aggregation: Aggregation) -> Decimal:
    """The least that can be held or drawn."""
    return Decimal(1) if aggregation is Aggregation.COUNT else Decimal(1).scaleb(-QUANTITY_DECIMALS)


def check_expiry(expires_in: timedelta) -> int:
    """The seconds a hold lasts. Raises `InvalidInput`."""
    if not EXPIRES_MIN <= expires_in <= EXPIRES_MAX or expires_in % EXPIRES_MIN:
        rule = f"must be a whole number from 1 to {EXPIRES_MAX // EXPIRES_MIN}"
        raise InvalidInput(errors=[FieldError("/expires_in_seconds", rule)])
    return expires_in // EXPIRES_MIN


def usage_events(
    hold: Hold, *, subject: str, data: Mapping[str, object], meters: list[MeterDefinition]
) -> list[dict[str, object]]:
    """The events that count what an ended hold used, with identities of their own: counted once, however often sent.

    A counting meter gets one event a use, a summing one a single event that carries the quantity. What other meters sum
    over the same type of event is zero unless `data` says otherwise.
    """
    assert hold.used is not None, "only a hold that ended has used something"
    content: Mapping[str, object] = data
    for meter in meters:
        if meter.event_type == hold.event_type and meter.value_path not in ((), hold.value_path):
            content = _with(content, meter.value_path, 0, keep=True)
    number = 1
    if hold.aggregation is Aggregation.COUNT:
        number = int(hold.used)
    else:
        content = _with(content, hold.value_path, hold.used, keep=False)
    return [_event(hold, subject, content, place) for place in range(1, number + 1)]


def _event(hold: Hold, subject: str, content: Mapping[str, object], place: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "source": "/autorisen/holds",
        "id": f"{hold.public_id}/{place}",
        "type": hold.event_type,
        "subject": subject,
        "time": hold.made_at.isoformat(),
        "data": dict(content),
    }


def _with(content: Mapping[str, object], path: tuple[str, ...], value: object, *, keep: bool) -> dict[str, object]:
    """The content with the value at a path, which is kept if it is there and `keep`. Raises `InvalidInput`."""
    changed = dict(content)
    inner, field = changed, "/".join(("/data", *path))
    for key in path[:-1]:
        step = inner.get(key, {})
        if not isinstance(step, dict):
            raise InvalidInput(errors=[FieldError(field, "must have objects on its way")])
        inner[key] = inner = dict(step)
    if path[-1] in inner and not keep and inner[path[-1]] != value:
        raise InvalidInput(errors=[FieldError(field, "must be left out, or equal to the quantity, which counts")])
    if not keep or path[-1] not in inner:
        inner[path[-1]] = value
    return changed


def text(number: Decimal) -> str:
    """An exact decimal in plain digits."""
    return f"{EXACT.normalize(number):f}"


def _invalid(rule: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError("/quantity", rule)])
