"""The console's routes, with its overview and health pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from autorisen import accounts, billing, ledger, metering, ops, payments, subscriptions
from autorisen.billing import Invoice
from autorisen.console import (
    audits_page,
    catalog_page,
    clock_page,
    credit_page,
    credits_page,
    customers_page,
    deferred_page,
    deliveries_page,
    dunning_page,
    invoices_page,
    mail_page,
    month_end_page,
    payments_page,
    reconciliations_page,
    revenue_page,
    what_if_page,
    work_page,
)
from autorisen.console.access import Operator
from autorisen.console.model import Books, books
from autorisen.kit.http import RuntimeDep
from autorisen.kit.work import QueueState
from autorisen.kit.work.store import queue_state
from autorisen.metering import EventCounts, IngestHealth
from autorisen.ops import Component, Release, State
from autorisen.payments import DeliveryStatus
from autorisen.ui import render

router = APIRouter(prefix="/console")
for part in (
    catalog_page,
    credits_page,
    customers_page,
    invoices_page,
    credit_page,
    payments_page,
    deferred_page,
    revenue_page,
    deliveries_page,
    month_end_page,
    dunning_page,
    reconciliations_page,
    work_page,
    audits_page,
    clock_page,
    mail_page,
    what_if_page,
):
    router.include_router(part.router)

_RECENT = 8


@dataclass(frozen=True)
class OverviewPage:
    """Context of console/overview.html."""

    books: Sequence[Books]
    is_balanced: bool
    customers: int
    plans: Mapping[str, int]
    past_due: int
    events: EventCounts
    queue: QueueState
    deliveries: Mapping[DeliveryStatus, int]
    unapplied: int
    health: State
    invoices: Sequence[Invoice]
    now: datetime


@dataclass(frozen=True)
class HealthPage:
    """Context of console/health.html."""

    health: State
    checks: Sequence[Component]
    release: Release
    ingest: IngestHealth | None
    pool: Mapping[str, int]
    now: datetime
    wall_now: datetime


@router.get("")
async def overview(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    now = runtime.clock.now()
    parts = await ops.components(runtime)
    async with runtime.database.read() as tx:
        balance = await ledger.trial_balance(tx)
        counts = await subscriptions.status_counts(tx)
        page = OverviewPage(
            books=books(balance),
            is_balanced=balance.is_balanced,
            customers=await accounts.count_customers(tx),
            plans=_live_by_plan(counts),
            past_due=sum(count for (_, status), count in counts.items() if status is subscriptions.Status.PAST_DUE),
            events=await metering.event_counts(tx),
            queue=await queue_state(tx, now),
            deliveries=await payments.delivery_counts(tx),
            unapplied=await billing.count_unapplied(tx),
            health=ops.overall(parts),
            invoices=await billing.list_invoices(tx, customer_id=None, limit=_RECENT),
            now=now,
        )
    return render(request, "console/overview.html", page)


def _live_by_plan(counts: Mapping[tuple[str, subscriptions.Status], int]) -> dict[str, int]:
    plans: dict[str, int] = {}
    for (plan, status), count in counts.items():
        if status is not subscriptions.Status.ENDED:
            plans[plan] = plans.get(plan, 0) + count
    return plans


@router.get("/health")
async def health(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    parts = await ops.components(runtime)
    now = runtime.clock.now()
    ingest = None
    if ops.overall(parts) is not State.DOWN:
        async with runtime.database.read() as tx:
            ingest = await metering.ingest_health(tx, now=now)
    page = HealthPage(
        health=ops.overall(parts),
        checks=parts,
        release=ops.release(runtime.settings),
        ingest=ingest,
        pool=runtime.database.stats(),
        now=now,
        wall_now=runtime.wall.now(),
    )
    return render(request, "console/health.html", page)
