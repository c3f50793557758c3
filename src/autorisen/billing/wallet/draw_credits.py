"""Pay for an invoice from prepaid credits, and give them back when it is void."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from autorisen import ledger
from autorisen.billing.wallet import store
from autorisen.billing.wallet.expire_credits import give_life_back
from autorisen.billing.wallet.hold_back import hold_back_returned
from autorisen.billing.wallet.model import (
    Bill,
    Draw,
    Grant,
    InvoiceDraws,
    Movement,
    MovementKind,
    plan_draws,
)
from autorisen.billing.wallet.move_credits import record_fall
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit


async def plan_for(unit: Unit, bills: Sequence[Bill]) -> dict[UUID, InvoiceDraws]:
    """What credits pay of these bills, each of another customer, by invoice; those with nothing are left out.

    Nobody else can take the same credits: they are held until the transaction ends, and a constraint would refuse it.
    """
    left: dict[UUID, list[Grant]] = {}
    for grant in await store.grants_left(unit.tx, [each.customer_id for each in bills], lock=True):
        left.setdefault(grant.customer_id, []).append(grant)
    found = {}
    for bill in bills:
        grants = left.get(bill.customer_id, [])
        same = (grant for grant in grants if grant.amount.currency == bill.due.currency)
        if draws := plan_draws(same, bill.due, unit.now):
            found[bill.invoice_id] = InvoiceDraws(bill.invoice_id, tuple(grants), draws)
    return found


async def write_draws(unit: Unit, planned: Sequence[tuple[InvoiceDraws, str]]) -> None:
    """Move what was planned for stored invoices, each with its number, and put it into the books."""
    if not planned:
        return
    postings = []
    moved: list[Movement] = []
    for each, number in planned:
        ids = [unit.ids.new() for _ in each.draws]
        movements = draw_movements(each.draws, invoice_id=each.invoice_id, ids=ids, at=unit.now)
        moved += movements
        postings += draw_postings(movements, number)
    await store.insert_movements(unit.tx, moved)
    await ledger.post_facts(unit, postings, occurred_at=unit.now)
    for each, _ in planned:
        await record_fall(unit, each.left, {draw.grant.id: draw.amount for draw in each.draws})


def draw_movements(
    draws: Sequence[Draw], *, invoice_id: UUID, ids: Sequence[UUID], at: datetime
) -> tuple[Movement, ...]:
    """One movement per grant that pays a part of an invoice."""
    return tuple(
        Movement(id, each.grant.id, each.grant.customer_id, MovementKind.DRAW, -each.amount, invoice_id, "", at)
        for id, each in zip(ids, draws, strict=True)
    )


def draw_postings(movements: Sequence[Movement], number: str) -> list[ledger.Posting]:
    """What the draws for an invoice say in double entry."""
    return [
        ledger.postings.wallet_drawn(draw_id=each.id, customer_id=each.customer_id, amount=-each.amount, number=number)
        for each in movements
    ]


async def return_draws(unit: Unit, *, customer_id: UUID, invoice_id: UUID, number: str) -> Money | None:
    """Give back what a void invoice took, in the transaction that voids it; None when it took nothing.

    The time in which the credits were tied up does not count against their expiry. What was bought with money that has
    gone back since does not stay in the wallet. Asked again, nothing happens.
    """
    await store.grants_left(unit.tx, [customer_id], lock=True)
    moved = await store.movements_of_invoice(unit.tx, invoice_id)
    if not moved or any(each.kind is MovementKind.RETURN for each in moved):
        return None
    total = Money.zero(moved[0].amount.currency)
    for drawn in moved:
        await _return(unit, drawn, number)
        total = total - drawn.amount
    return total


async def _return(unit: Unit, drawn: Movement, number: str) -> None:
    back = Movement(
        id=unit.ids.new(),
        grant_id=drawn.grant_id,
        customer_id=drawn.customer_id,
        kind=MovementKind.RETURN,
        amount=-drawn.amount,
        invoice_id=drawn.invoice_id,
        reason=f"invoice {number} is void",
        at=unit.now,
    )
    await store.insert_movements(unit.tx, [back])
    posting = ledger.postings.wallet_returned(
        return_id=back.id, customer_id=back.customer_id, amount=back.amount, number=number
    )
    await ledger.post_fact(unit, posting, occurred_at=unit.now)
    grant = await store.find_grant(unit.tx, drawn.grant_id)
    assert grant is not None, "grants are never deleted"
    await give_life_back(unit, grant, drawn.at)
    await hold_back_returned(unit, grant.id, back.amount)
