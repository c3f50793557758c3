"""Move subscribers: each is told by mail, and goes on under the new terms from a period after the notice on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from autorisen import accounts, catalog, subscriptions
from autorisen.billing.document.present import date_text
from autorisen.billing.migration import store
from autorisen.billing.migration.model import Move
from autorisen.kit.mail import Message, send
from autorisen.kit.unit import Unit
from autorisen.kit.work import Job, enqueue

log = structlog.get_logger(__name__)

MOVE = "billing.move_subscription"


async def announce_moves(unit: Unit, plan: catalog.PlanVersion, moves: Sequence[Move], *, actor: str) -> int:
    """Announce these moves, each once for ever, and see to it that they happen. Gives how many are new."""
    new = 0
    for move in moves:
        if not move.refusal and await _announce(unit, plan, move, actor):
            new += 1
    return new


async def _announce(unit: Unit, plan: catalog.PlanVersion, move: Move, actor: str) -> bool:
    held = await subscriptions.subscription(unit.tx, move.subscription.id, lock=True)
    subscription, period = await subscriptions.reach(unit, held, unit.now)
    values = {
        "subscription_id": subscription.id,
        "customer_id": subscription.customer_id,
        "from_plan_version_id": subscription.plan_version_id,
        "to_plan_version_id": plan.id,
        "moves_at": move.moves_at,
        "actor": actor,
        "announced_at": unit.now,
    }
    if not await store.insert_move(unit.tx, values):
        return False
    await _move_or_wait(unit, plan, subscription, period, move.moves_at)
    await _mail(unit, plan, move)
    detail = {"plan": plan.plan_key, "version": plan.version, "at": move.moves_at.isoformat()}
    await accounts.record_audit(
        unit, actor=actor, action="subscription.move", target=subscription.public_id, detail=detail
    )
    return True


async def _move_or_wait(
    unit: Unit,
    plan: catalog.PlanVersion,
    subscription: subscriptions.Subscription,
    period: subscriptions.Period,
    at: datetime,
) -> None:
    """Plan the move for the end of the running period, when that is the day; else look again when it is over."""
    if at <= period.end_at:
        await subscriptions.move_version(unit, subscription.id, plan_version=plan)
        return
    payload = {"subscription_id": subscription.id, "plan_version_id": plan.id, "at": at.isoformat()}
    await enqueue(unit, MOVE, payload, due_at=period.end_at, key=f"move:{subscription.id}:{plan.id}:{period.id}")


async def _perform(unit: Unit, payload: dict[str, Any]) -> None:
    subscription = await subscriptions.subscription(unit.tx, UUID(payload["subscription_id"]), lock=True)
    plan = await catalog.plan_version(unit.tx, UUID(payload["plan_version_id"]))
    at = datetime.fromisoformat(payload["at"])
    try:
        subscription, period = await subscriptions.reach(unit, subscription, unit.now)
        await _move_or_wait(unit, plan, subscription, period, at)
    except subscriptions.TransitionRefused as refusal:
        # The customer has planned something else meanwhile, changed the plan or left: that is theirs to decide.
        log.info("migration.not_moved", subscription=subscription.public_id, reason=str(refusal))


MOVE_JOB = Job(MOVE, _perform)


async def _mail(unit: Unit, plan: catalog.PlanVersion, move: Move) -> None:
    """What changes, from which day on, and that the plan can be changed or cancelled before."""
    day = date_text(move.moves_at, move.subscription.time_zone)
    fee = f"The plan costs {move.fee_after.format()} a {move.subscription.interval}, {_compared(move)}."
    usage = ""
    if move.usage_before is not None and move.usage_after is not None and move.usage_after != move.usage_before:
        usage = (
            f" The usage of your last period was {move.usage_before.format()}; under the new prices it would have been "
            f"{move.usage_after.format()}."
        )
    text = (
        f"From {day} on new prices hold for your plan {plan.name}. {fee}{usage}\n\n"
        "Until then nothing changes. All prices are here, and you can change or cancel your plan before that day:\n"
        f"{unit.settings.base_url}/pricing\n{unit.settings.base_url}/app/billing\n"
    )
    await send(unit, Message(recipient=move.customer.email, subject=f"New prices of {plan.name} from {day}", text=text))


def _compared(move: Move) -> str:
    if move.fee_after == move.fee_before:
        return "as before"
    return f"{'more' if move.fee_before < move.fee_after else 'less'} than {move.fee_before.format()} now"
