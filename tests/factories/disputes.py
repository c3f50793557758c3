"""A bank that asks money back, and how it ends."""

from __future__ import annotations

from uuid import UUID

from autorisen.billing.audit.run_audit import run_checks
from autorisen.kit.unit import Unit
from autorisen.payments.sandbox import provider
from autorisen.payments.sandbox import store as sandbox
from autorisen.payments.sandbox.model import SandboxCharge
from tests.factories.billing import Shop


async def findings(shop: Shop) -> list[str]:
    """What an audit has to say, in words."""
    async with shop.runtime.database.read(snapshot=True) as tx:
        return [f"{one.kind} {one.expected} {one.found}" for each in await run_checks(tx) for one in each.listed]


async def _charge(unit: Unit, payment_id: UUID) -> SandboxCharge:
    (found,) = await sandbox.charges_of(unit.tx, str(payment_id))
    charge = await sandbox.charge(unit.tx, found.id, lock=True)
    assert charge is not None
    return charge


async def ask_back(shop: Shop, payment_id: UUID) -> None:
    """The bank asks back what is left of it."""
    async with shop.runtime.unit() as unit:
        await provider.dispute(unit, {"charge_id": (await _charge(unit, payment_id)).id})


async def lose(shop: Shop, payment_id: UUID, minor: int | None = None) -> None:
    """The bank decides for the payer, who gets so much, or all that is left, and we hear of it."""
    async with shop.runtime.unit() as unit:
        charge = await _charge(unit, payment_id)
        await provider.lose_dispute(unit, charge, minor or charge.amount_minor - charge.refunded_minor)
    await shop.worker.drain()


async def give_in(shop: Shop, payment_id: UUID) -> None:
    """The bank decides for us."""
    async with shop.runtime.unit() as unit:
        await provider.win_dispute(unit, await _charge(unit, payment_id))
