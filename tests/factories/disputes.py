"""A bank that asks money back, and how it ends."""

from __future__ import annotations

from autorisen import payments
from autorisen.billing.audit.run_audit import run_checks
from autorisen.payments.sandbox import provider
from autorisen.payments.sandbox import store as sandbox
from tests.factories.billing import Shop


async def findings(shop: Shop) -> list[str]:
    """What an audit has to say, in words."""
    async with shop.runtime.database.read(snapshot=True) as tx:
        return [f"{one.kind} {one.expected} {one.found}" for each in await run_checks(tx) for one in each.listed]


async def _charge(shop: Shop, payment: payments.Payment) -> dict[str, str]:
    async with shop.runtime.database.read() as tx:
        (charge,) = await sandbox.charges_of(tx, str(payment.id))
    return {"charge_id": charge.id}


async def ask_back(shop: Shop, payment: payments.Payment) -> None:
    """The bank asks back what is left of it."""
    async with shop.runtime.unit() as unit:
        await provider.dispute(unit, await _charge(shop, payment))


async def give_in(shop: Shop, payment: payments.Payment) -> None:
    """The bank decides for us."""
    async with shop.runtime.unit() as unit:
        await provider.win_dispute(unit, await _charge(shop, payment))
