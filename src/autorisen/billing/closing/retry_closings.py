"""Have periods that could not be closed tried again now, once their cause is mended."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from autorisen import accounts, subscriptions
from autorisen.billing.closing import store
from autorisen.billing.errors import NoFailedClosing
from autorisen.kit.ids import public_id
from autorisen.kit.unit import Unit


async def retry_closings(unit: Unit, period_id: UUID | None = None, *, actor: str) -> int:
    """Make one failed closing, or all, due now; gives how many. Each is still tried alone.

    Raises `NoFailedClosing` for a period that has not failed, or was closed meanwhile.
    """
    failed = await store.failed_periods(unit.tx, period_id)
    # The periods first: whoever closes one holds it before it forgets its failure.
    ended_by = unit.now - timedelta(minutes=unit.settings.usage_grace_minutes)
    await subscriptions.put_off(unit.tx, failed, ended_by)
    retried = await store.retry_now(unit.tx, failed, unit.now)
    if period_id is not None and not retried:
        raise NoFailedClosing("it may be closed by now; look at what has failed again")
    if retried:
        target = "closings" if period_id is None else public_id("per", period_id)
        await accounts.record_audit(
            unit, actor=actor, action="closing.retried", target=target, detail={"periods": retried}
        )
    return retried
