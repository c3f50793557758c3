"""The recognition report: every month so far, and when the rest is going to be earned."""

from __future__ import annotations

from autorisen.billing.deferred import store
from autorisen.billing.deferred.model import DeferredReport, months_of, upcoming_of
from autorisen.kit.database import Tx


async def read_deferred(tx: Tx) -> DeferredReport:
    """By what was posted. Read it in a snapshot."""
    made = await store.movements(tx)
    if not made:
        return DeferredReport(None, (), ())
    until = made[-1].until
    return DeferredReport(until, months_of(made), upcoming_of(await store.fees(tx), until))
