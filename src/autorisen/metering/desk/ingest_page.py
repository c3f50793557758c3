"""`/console/ingest`: whether events arrive as they should, and what waits for a person, with what settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts
from autorisen.accounts import Customer, Principal
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import Problem
from autorisen.metering import usage
from autorisen.metering.arrivals import store
from autorisen.metering.arrivals.model import DAY, HOUR, Newest, Rates, chart_of, meter_text
from autorisen.metering.backfills.model import Backfill
from autorisen.metering.backfills.store import list_backfills
from autorisen.metering.claim_events import claim_events
from autorisen.metering.desk.desk import back, said, typed
from autorisen.metering.ingest_queue import Pressure
from autorisen.metering.intake import ingest_queue
from autorisen.metering.model import EventCounts, IngestHealth, Rebuild
from autorisen.metering.repairs.model import BrokenRule
from autorisen.metering.repairs.read_repairs import broken_rules
from autorisen.ui import render

router = APIRouter(prefix="/console/ingest")

Operator = Annotated[Principal, Depends(accounts.operator)]
Text = Annotated[str, Form()]

# What is looked at of the events that arrived last.
NEWEST_EVENTS = 20_000
NEWEST_BATCHES = 5_000
SOURCES_SHOWN = 50
_RULES_SHOWN = 8
_BACKFILLS_SHOWN = 5


@dataclass(frozen=True)
class IngestPage:
    """Context of metering/ingest.html. `meters` has for each type that no meter counts a meter to begin from."""

    rates: Rates
    chart: Mapping[str, object]
    newest: Newest
    health: IngestHealth
    counts: EventCounts
    rules: Sequence[BrokenRule]
    pressure: Pressure
    backfills: Sequence[Backfill]
    rebuilds: Sequence[Rebuild]
    customers: Mapping[UUID, Customer]
    meters: Mapping[str, str]
    now: datetime


@dataclass(frozen=True)
class NewCustomerPage:
    """Context of metering/new_customer.html."""

    subject: str
    events: int
    name: str
    email: str
    refusal: str


@router.get("")
async def ingest_page(request: Request, runtime: RuntimeDep, operator: Operator) -> Response:
    now = runtime.clock.now()
    async with runtime.database.read() as tx:
        rates = await store.rates(tx, hour_ago=now - HOUR, day_ago=now - DAY)
        newest = await store.newest(tx, events=NEWEST_EVENTS, batches=NEWEST_BATCHES, sources=SOURCES_SHOWN)
        health = await usage.ingest_health(tx, now=now)
        tenants = {each.tenant for each in newest.sources} | {tenant for tenant, _ in newest.silent}
        page = IngestPage(
            rates=rates,
            chart=chart_of(rates, now, operator.time_zone),
            newest=newest,
            health=health,
            counts=await usage.event_counts(tx),
            rules=await broken_rules(tx, tenant=None, limit=_RULES_SHOWN),
            pressure=ingest_queue(request).pressure,
            backfills=await list_backfills(tx, limit=_BACKFILLS_SHOWN),
            rebuilds=await usage.rebuilds(tx),
            customers=await accounts.customers_by_id(tx, tenants),
            meters={each.type: meter_text(each.type) for each in health.unmetered},
            now=now,
        )
    return render(request, "metering/ingest.html", page)


@router.post("/claim")
async def claim(runtime: RuntimeDep, _operator: Operator) -> Response:
    """Give waiting events to customers that are known by now; the worker does so every minute."""
    async with runtime.unit() as unit:
        claimed = await claim_events(unit)
    text = f"{claimed:,} found their customer.".replace(",", "\N{NO-BREAK SPACE}")
    return back("/console/ingest", text if claimed else "None of them has a customer yet.")


@router.get("/customer")
async def new_customer_page(request: Request, runtime: RuntimeDep, _operator: Operator, subject: str = "") -> Response:
    """A customer for events that name one who does not exist."""
    return await _new_customer(request, runtime, typed(subject))


@router.post("/customer")
async def create_customer(
    request: Request, runtime: RuntimeDep, operator: Operator, subject: Text = "", name: Text = "", email: Text = ""
) -> Response:
    """Make the customer; its events are claimed in the same moment as it is known."""
    subject = typed(subject)
    try:
        async with runtime.unit() as unit:
            customer = await accounts.create_customer(unit, key=subject, name=name, email=email, actor=operator.actor)
    except Problem as problem:
        return await _new_customer(request, runtime, subject, name, email, problem)
    return back(f"/console/customers/{customer.public_id}", "Created. The events that wait for it are being counted.")


async def _new_customer(
    request: Request,
    runtime: RuntimeDep,
    subject: str,
    name: str = "",
    email: str = "",
    problem: Problem | None = None,
) -> Response:
    async with runtime.database.read() as tx:
        health = await usage.ingest_health(tx, now=runtime.clock.now())
    waiting = {each.subject: each.events for each in health.unclaimed}
    if subject not in waiting and problem is None:
        return RedirectResponse("/console/ingest", 303)
    page = NewCustomerPage(subject, waiting.get(subject, 0), typed(name), typed(email), said(problem))
    return render(request, "metering/new_customer.html", page, status=problem.status if problem else 200)
