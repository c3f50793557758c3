"""The machine interface of moving subscribers to another version of their plan, for operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from autorisen import accounts
from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.migration.announce_moves import announce_moves
from autorisen.billing.migration.model import NOTICE, Migration, Move
from autorisen.billing.migration.preview_moves import preview_moves
from autorisen.kit.database import Tx
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError, InvalidInput, NotAllowed

router = APIRouter(prefix="/api/plan-moves", tags=["billing"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
NoticeDays = Annotated[int, Query(ge=0, le=365, description="Days between the mail and the first day of the new terms")]


class PlanMoves(Body):
    """Whom to move where. Without `customers` (keys or cus_ ids) every subscriber of another version."""

    plan: str
    to_version: int = Field(ge=1, le=1_000_000)
    customers: list[str] = Field(default=[], max_length=1000)
    notice_days: int = Field(default=NOTICE.days, ge=0, le=365)


class MoveView(BaseModel):
    """One subscriber; amounts are cents of a period: its fee, and the usage of the last closed period (null: none).

    With a `refusal` it is not moved, and that says why.
    """

    customer: str
    customer_key: str
    subscription: str
    from_version: int
    moves_at: datetime
    currency: str
    usage_before_minor: int | None
    usage_after_minor: int | None
    fee_before_minor: int
    fee_after_minor: int
    difference_minor: int
    refusal: str | None


class MoveSumView(BaseModel):
    """Everybody who is moved, in one currency."""

    currency: str
    moves: int
    before_minor: int
    after_minor: int
    dearer: int
    cheaper: int


class PlanMovesView(BaseModel):
    """Who is moved, and what it changes. `announced` counts those who are told by mail now; 0 in a preview."""

    plan: str
    to_version: int
    moves: list[MoveView]
    sums: list[MoveSumView]
    announced: int


@router.get("")
async def preview(
    runtime: RuntimeDep,
    principal: Administers,
    plan: Annotated[str, Query(max_length=40)],
    to_version: Annotated[int, Query(ge=1, le=1_000_000)],
    notice_days: NoticeDays = NOTICE.days,
) -> PlanMovesView:
    """What each subscriber would pay under that version: the last closed period rated again, and the next fee."""
    _require_operator(principal)
    async with runtime.database.read() as tx:
        found = await preview_moves(
            tx, plan_key=plan, to_version=to_version, now=runtime.clock.now(), notice=timedelta(days=notice_days)
        )
    return _view(found, 0)


@router.post("")
async def apply(wanted: PlanMoves, runtime: RuntimeDep, principal: Administers) -> PlanMovesView:
    """Tell these subscribers by mail, and move each at the end of a period after the notice. Asked twice: once."""
    _require_operator(principal)
    async with runtime.unit() as unit:
        found = await preview_moves(
            unit.tx,
            plan_key=wanted.plan,
            to_version=wanted.to_version,
            now=unit.now,
            notice=timedelta(days=wanted.notice_days),
            only=await _customers(unit.tx, wanted.customers),
        )
        new = await announce_moves(unit, found.plan, found.moves, actor=principal.actor)
    return _view(found, new)


def _require_operator(principal: Principal) -> None:
    if not principal.is_operator or principal.customer_id is not None:
        raise NotAllowed("only operators move subscribers")


async def _customers(tx: Tx, names: Sequence[str]) -> set[UUID]:
    known = await accounts.customer_ids_by_key(tx, names) if names else {}
    for index, name in enumerate(names):
        if name not in known:
            raise InvalidInput(errors=[FieldError(f"/customers/{index}", "must be the key or cus_ id of a customer")])
    return set(known.values())


def _view(found: Migration, announced: int) -> PlanMovesView:
    return PlanMovesView(
        plan=found.plan.plan_key,
        to_version=found.plan.version,
        moves=[_move(move) for move in found.moves],
        sums=[
            MoveSumView(
                currency=each.currency,
                moves=each.moves,
                before_minor=each.before.minor,
                after_minor=each.after.minor,
                dearer=each.dearer,
                cheaper=each.cheaper,
            )
            for each in found.sums
        ],
        announced=announced,
    )


def _move(move: Move) -> MoveView:
    return MoveView(
        customer=public_id("cus", move.customer.id),
        customer_key=move.customer.key,
        subscription=move.subscription.public_id,
        from_version=move.from_version,
        moves_at=move.moves_at,
        currency=move.subscription.currency,
        usage_before_minor=_minor(move.usage_before),
        usage_after_minor=_minor(move.usage_after),
        fee_before_minor=move.fee_before.minor,
        fee_after_minor=move.fee_after.minor,
        difference_minor=move.difference.minor,
        refusal=move.refusal or None,
    )


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor
