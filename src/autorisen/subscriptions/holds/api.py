"""The machine interface of quotas and holds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from autorisen import accounts
from autorisen.accounts import Customer, Principal, Scope, api_key, api_key_or_session
from autorisen.kit.database import Tx
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import FieldError, InvalidInput, NotFound
from autorisen.kit.unit import Unit
from autorisen.subscriptions.holds.check_quota import meter_of, quota
from autorisen.subscriptions.holds.draw_hold import draw_hold
from autorisen.subscriptions.holds.errors import HoldNotFound
from autorisen.subscriptions.holds.find_hold import find_hold
from autorisen.subscriptions.holds.hold_quota import hold_quota
from autorisen.subscriptions.holds.model import EXPIRES_MAX, Hold, HoldStatus, text
from autorisen.subscriptions.holds.release_hold import release_hold
from autorisen.subscriptions.holds.settle_hold import settle_hold

router = APIRouter(prefix="/api", tags=["quotas and holds"])

_PLAIN = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")
_LARGEST = 10**18

_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "The hold's state, or an earlier use of the key"}}
_NO_ROOM: dict[int | str, dict[str, Any]] = {429: {"description": "The plan has no room for that in this period"}}

_NOBODY: dict[int | str, dict[str, Any]] = {404: {"description": "No such customer, or not one of yours"}}

Reads = Annotated[Principal, Depends(api_key_or_session(Scope.USAGE_READ))]
Writes = Annotated[Principal, Depends(api_key(Scope.EVENTS_WRITE))]


def _exact(value: object) -> Decimal:
    """A quantity as it was written. A float is refused: its digits are not those that were sent."""
    if type(value) is int and 0 <= value < _LARGEST:
        return Decimal(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Decimal(value)
    rule = "must be a whole number or a decimal in quotes, from 0 to below 10^18 with at most 12 decimals"
    raise PydanticCustomError("quantity", rule)


def _exact_data(data: dict[str, Any]) -> dict[str, Any]:
    """Event data with exact numbers: one with a fraction is the decimal that its shortest digits say."""
    return {name: _exact_value(value) for name, value in data.items()}


def _exact_value(value: object) -> object:
    if isinstance(value, dict):
        return _exact_data(value)
    if isinstance(value, list):
        return [_exact_value(each) for each in value]
    if value is None or isinstance(value, str | int):
        return value
    number = Decimal(repr(value))
    if not number.is_finite():
        raise PydanticCustomError("data", "must hold finite numbers only")
    return number


Amount = Annotated[
    Decimal,
    BeforeValidator(_exact),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "exclusiveMaximum": _LARGEST},
                {"type": "string", "pattern": f"^{_PLAIN.pattern}$"},
            ],
            "description": "A whole number, or an exact decimal in quotes; never a float.",
            "examples": [1000, "0.25"],
        }
    ),
]


class NewHold(Body):
    """What to reserve. The same `key` with the same values gives the same hold, however often it is sent."""

    customer: str | None = Field(None, max_length=120, description="Key or cus_ id; needed with an operator's key")
    meter: str = Field(min_length=1, max_length=120)
    quantity: Amount
    key: str = Field(pattern=r"^[!-~]{1,200}$", description="Your name for this hold; unique per customer, for ever")
    expires_in_seconds: int = Field(ge=1, le=EXPIRES_MAX // timedelta(seconds=1), description="Of real time")


class NewDraw(Body):
    """A part of the hold that is used. `sequence` tells it apart: sent again, it draws nothing twice."""

    quantity: Amount
    sequence: int = Field(ge=1, lt=2**53)


class Settlement(Body):
    """What was used in the end. `data` becomes the data of the usage event."""

    quantity: Amount
    data: Annotated[dict[str, Any], AfterValidator(_exact_data)] = Field(default_factory=dict)


class GrantView(BaseModel):
    """A granted hold. `remaining` is what could still be held after it; null where the plan sets no hard limit."""

    id: str
    customer: str
    meter: str
    granted: str
    remaining: str | None
    expires_at: datetime
    counts_at: datetime


class DrawView(BaseModel):
    """One draw, with all that was drawn of the hold after it."""

    hold: str
    sequence: int
    quantity: str
    drawn: str


class HoldView(BaseModel):
    """A hold as it stands. `used` is what counted in the end, null before. Its use counts at `counts_at`."""

    id: str
    customer: str
    meter: str
    key: str
    status: HoldStatus
    granted: str
    drawn: str
    left: str
    used: str | None
    counts_at: datetime
    expires_at: datetime
    ended_at: datetime | None


class QuotaView(BaseModel):
    """What may still be used in the period that runs now. `remaining` is null where the plan sets no hard limit."""

    customer: str
    meter: str
    included: str
    used: str
    held: str
    left: str
    remaining: str | None
    overage_allowed: bool


@router.get("/quota")
async def check_quota(
    runtime: RuntimeDep,
    principal: Reads,
    meter: Annotated[str, Query(max_length=120)],
    customer: Annotated[str | None, Query(max_length=120, description="Key or cus_ id; needed by operators")] = None,
) -> QuotaView:
    """The allowance of one meter: used, held and left."""
    async with runtime.database.read() as tx:
        who = await _customer(tx, principal, customer, field="query/customer")
        await meter_of(tx, meter, field="query/meter")
        now, wall_now = runtime.clock.now(), runtime.wall.now()
        found = await quota(tx, customer_id=who.id, meter=meter, now=now, wall_now=wall_now)
    return QuotaView(
        customer=who.public_id,
        meter=meter,
        included=text(found.included),
        used=text(found.used),
        held=text(found.held),
        left=text(found.left),
        remaining=None if found.remaining is None else text(found.remaining),
        overage_allowed=found.overage_allowed,
    )


@router.post("/holds", status_code=201, responses=_CONFLICT | _NO_ROOM | _NOBODY)
async def create_hold(runtime: RuntimeDep, principal: Writes, body: NewHold) -> GrantView:
    """Reserve a quantity before work begins. Once granted, nobody else can take it until it expires."""
    async with runtime.unit() as unit:
        who = await _customer(unit.tx, principal, body.customer, field="/customer")
        made = await hold_quota(
            unit,
            customer_id=who.id,
            meter=body.meter,
            quantity=body.quantity,
            key=body.key,
            expires_in=timedelta(seconds=body.expires_in_seconds),
        )
    return GrantView(
        id=made.public_id,
        customer=who.public_id,
        meter=made.meter,
        granted=text(made.quantity),
        remaining=None if made.remaining is None else text(made.remaining),
        expires_at=made.expires_at,
        counts_at=made.made_at,
    )


@router.get("/holds/{hold_id}")
async def read_hold(runtime: RuntimeDep, principal: Reads, hold_id: str) -> HoldView:
    """A hold as it stands now."""
    async with runtime.database.read() as tx:
        found = await find_hold(tx, parse_public_id("hld", hold_id), wall_now=runtime.wall.now())
    return _view(_visible(principal, found))


@router.post("/holds/{hold_id}/draw", responses=_CONFLICT)
async def draw(runtime: RuntimeDep, principal: Writes, hold_id: str, body: NewDraw) -> DrawView:
    """Note that a part of the hold is used. It counts even if you never come back."""
    async with runtime.unit() as unit:
        found = await _own(unit, principal, hold_id)
        drawn = await draw_hold(unit, found.id, quantity=body.quantity, sequence=body.sequence)
    return DrawView(
        hold=found.public_id, sequence=drawn.sequence, quantity=text(drawn.quantity), drawn=text(drawn.drawn_after)
    )


@router.post("/holds/{hold_id}/settle", responses=_CONFLICT | _NO_ROOM)
async def settle(runtime: RuntimeDep, principal: Writes, hold_id: str, body: Settlement) -> HoldView:
    """End the hold and count what was used, in one step. Send it again when unsure: it counts once."""
    async with runtime.unit() as unit:
        found = await _own(unit, principal, hold_id)
        return _view(await settle_hold(unit, found.id, quantity=body.quantity, data=body.data))


@router.post("/holds/{hold_id}/release", responses=_CONFLICT)
async def release(runtime: RuntimeDep, principal: Writes, hold_id: str) -> HoldView:
    """Give the hold back. What was drawn of it counts, the rest is free again."""
    async with runtime.unit() as unit:
        found = await _own(unit, principal, hold_id)
        return _view(await release_hold(unit, found.id))


async def _own(unit: Unit, principal: Principal, hold_id: str) -> Hold:
    found = await find_hold(unit.tx, parse_public_id("hld", hold_id), wall_now=unit.wall_now)
    return _visible(principal, found)


def _visible(principal: Principal, found: Hold) -> Hold:
    if not principal.sees(found.customer_id):
        # The same words as for an id that does not exist: the answer must not tell them apart.
        raise HoldNotFound(f"there is no {found.public_id}")
    return found


async def _customer(tx: Tx, principal: Principal, name: str | None, *, field: str) -> Customer:
    if name is None:
        if principal.customer_id is None:
            raise InvalidInput(errors=[FieldError(field, "is required for an operator, who has no quota")])
        return await accounts.customer(tx, principal.customer_id)
    ids = await accounts.customer_ids_by_key(tx, [name])
    if name not in ids or not principal.sees(ids[name]):
        raise NotFound("no customer has that key or id")
    return await accounts.customer(tx, ids[name])


def _view(found: Hold) -> HoldView:
    return HoldView(
        id=found.public_id,
        customer=public_id("cus", found.customer_id),
        meter=found.meter,
        key=found.key,
        status=found.status,
        granted=text(found.quantity),
        drawn=text(found.drawn),
        left=text(found.left),
        used=None if found.used is None else text(found.used),
        counts_at=found.made_at,
        expires_at=found.expires_at,
        ended_at=found.ended_at,
    )
