"""Write what closing many periods comes to: a fixed number of statements, however many there are."""

from __future__ import annotations

from collections.abc import Sequence

from autorisen import subscriptions
from autorisen.billing import store
from autorisen.billing.closing import store as closing_store
from autorisen.billing.closing.model import ClosingDecision
from autorisen.billing.collect import COLLECT
from autorisen.billing.issue_invoice import issue_many
from autorisen.billing.rating import store as store_rated
from autorisen.kit.unit import Unit
from autorisen.kit.work import enqueue_many


async def write_closings(unit: Unit, decisions: Sequence[ClosingDecision]) -> None:
    """Write all of it in the caller's transaction: numbers are given in the order of the decisions.

    The numbers come last, since their counter is held from then on until the transaction ends.
    """
    if not decisions:
        return
    await store_rated.insert_rated(unit.tx, [rated for each in decisions for rated in each.rated])
    await subscriptions.keep_renewals(unit, [each.renewal for each in decisions])
    await closing_store.forget_failures(unit.tx, [each.closing.period_id for each in decisions])
    invoices = [each.invoice for each in decisions if each.invoice is not None]
    await issue_many(unit, invoices)
    fees = [(each.fee_period_id, each.invoice) for each in decisions if each.fee_period_id and each.invoice]
    await store.insert_fees(unit.tx, [(period_id, new.id, new.fee_line_id) for period_id, new in fees])
    await store_rated.insert_closings(unit.tx, [each.closing for each in decisions])
    await enqueue_many(unit, COLLECT, [{"invoice_id": each.id} for each in invoices])
