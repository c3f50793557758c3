"""`/app/usage`: a chart per meter, the same numbers as tables and as CSV, and what the period will come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from shlex import quote
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from autorisen import accounts, billing, metering, subscriptions
from autorisen.accounts import Customer
from autorisen.catalog import PlanVersion
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.time_zones import time_zones
from autorisen.metering import Bucket, MeterDefinition
from autorisen.portal.dashboard import Member
from autorisen.portal.forecast import Forecast, forecast_of, pace_of
from autorisen.portal.usage_chart import Chart, UsageRow, charts_of, moment, rows_of
from autorisen.portal.usage_question import BUCKETS, PRESETS, Asked, Question, Times, dimensions_of, question_of
from autorisen.subscriptions import Standing
from autorisen.ui import render
from autorisen.ui.formats import last_instant

router = APIRouter()

# A person reads no more; the CSV has all of them.
ROWS_SHOWN = 400
_TEXT_MAX = 300


@dataclass(frozen=True)
class Table:
    """Buckets by what is beside each other: meters, or the groups of one."""

    columns: tuple[str, ...]
    rows: tuple[UsageRow, ...]
    hidden: int


@dataclass(frozen=True)
class Choices:
    """What the form offers."""

    presets: Sequence[tuple[str, str, bool]]
    buckets: Sequence[tuple[str, str]]
    meters: Sequence[tuple[str, str]]
    dimensions: Sequence[tuple[str, str]]
    zones: Sequence[str]


@dataclass(frozen=True)
class UsagePage:
    """Context of portal/usage.html. `tables` has one a chart when they are grouped, and else one of all charts."""

    asked: Asked
    question: Question
    choices: Choices
    first: str
    last: str
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    forecast: Forecast | None
    has_meters: bool
    has_used: bool
    customer: Customer
    csv_address: str
    call: str
    base_url: str


@router.get("/app/usage")
async def usage_page(  # noqa: PLR0917 -- FastAPI passes them by name
    request: Request,
    runtime: RuntimeDep,
    principal: Member,
    range: str = "",
    since: Annotated[str, Query(alias="from")] = "",
    to: str = "",
    bucket: str = "",
    zone: str = "",
    meter: str = "",
    group_by: str = "",
    where: str = "",
) -> HTMLResponse:
    assert principal.customer_id is not None, "a member has a customer"
    asked = Asked(*(_typed(text) for text in (range, since, to, bucket, zone, meter, group_by, where)))
    # The second that runs is whole: what has just been sent is there, and the address of the CSV is readable.
    now = runtime.clock.now().replace(microsecond=0) + timedelta(seconds=1)
    async with runtime.database.read(snapshot=True) as tx:
        customer = await accounts.customer(tx, principal.customer_id)
        meters = await metering.meters(tx)
        terms = await subscriptions.standing_of(tx, customer.id, now)
        question = question_of(
            asked,
            now=now,
            time_zone=customer.time_zone,
            period=(terms[0].start_at, terms[0].end_at) if terms else None,
            last_period=await _last_period(tx, customer) if asked.range == "last" else None,
            meters=meters,
        )
        charts, question = await _charts(tx, customer, question)
        page = UsagePage(
            asked=asked,
            question=question,
            choices=_choices(asked, question, meters),
            first=moment(question.stretch.start, "day", ZoneInfo(question.zone)),
            last=moment(last_instant(question.stretch.end), "day", ZoneInfo(question.zone)),
            charts=charts,
            tables=_tables(charts, question),
            forecast=await _forecast(tx, customer, meters, now, terms) if terms and meters else None,
            has_meters=bool(meters),
            has_used=bool(await metering.recent_events(tx, customer_id=customer.id, limit=1)),
            customer=customer,
            csv_address="/api/usage?" + urlencode([*question.api_parameters(), ("format", "csv")]),
            call=_call(runtime.settings.base_url, question),
            base_url=runtime.settings.base_url,
        )
    return render(request, "portal/usage.html", page, status=422 if question.errors else 200)


def _typed(text: str) -> str:
    return text.replace("\0", "").strip()[:_TEXT_MAX]


def _call(base_url: str, question: Question) -> str:
    """What asks for the same numbers from a shell."""
    lines = [f"curl -G {base_url}/api/usage", '-H "Authorization: Bearer $AUTORISEN_KEY"']
    lines += [f"--data-urlencode {quote(f'{name}={text}')}" for name, text in question.api_parameters()]
    return " \\\n  ".join(lines)


async def _last_period(tx: Tx, customer: Customer) -> Times | None:
    """The period before the one that runs."""
    subscription = await subscriptions.subscription_of(tx, customer.id)
    periods = await subscriptions.periods_of(tx, subscription.id) if subscription else []
    return (periods[-2].start_at, periods[-2].end_at) if len(periods) > 1 else None


async def _charts(tx: Tx, customer: Customer, question: Question) -> tuple[tuple[Chart, ...], Question]:
    """The charts; without any when there would be too many numbers, and then the question says so."""
    try:
        charts = await charts_of(
            tx,
            customer_id=customer.id,
            meters=question.meters,
            stretch=question.stretch,
            time_zone=question.zone,
            group_by=question.group_by,
            only=question.only,
        )
    except metering.UsageTooLarge:
        rule = "That is too much for a page. Choose longer steps, a shorter time or no groups."
        return (), replace(question, errors={**question.errors, "group_by": rule})
    return charts, question


def _tables(charts: Sequence[Chart], question: Question) -> tuple[Table, ...]:
    if question.group_by:
        return tuple(_table([(part.label, part.buckets) for part in chart.parts], question) for chart in charts)
    return (_table([(chart.meter.name, chart.parts[0].buckets) for chart in charts], question),)


def _table(columns: Sequence[tuple[str, Sequence[Bucket]]], question: Question) -> Table:
    rows = rows_of([buckets for _, buckets in columns], question.stretch.bucket, question.zone)
    return Table(tuple(name for name, _ in columns), rows[:ROWS_SHOWN], max(len(rows) - ROWS_SHOWN, 0))


async def _forecast(
    tx: Tx,
    customer: Customer,
    meters: Sequence[MeterDefinition],
    now: datetime,
    found: tuple[Standing, PlanVersion, str],
) -> Forecast:
    """What the running period comes to."""
    terms, plan, currency = found
    pace = pace_of(now, min(customer.created_at, terms.start_at))
    cost = await billing.cost_so_far(tx, customer_id=customer.id, now=now)
    recent = await metering.quantities(tx, customer_id=customer.id, start=pace.start, end=pace.end) if pace else {}
    return forecast_of(
        now=now,
        terms=terms,
        plan=plan,
        currency=currency,
        meters=meters,
        used=await metering.quantities(tx, customer_id=customer.id, start=terms.start_at, end=terms.end_at),
        recent=recent,
        pace=pace,
        cost=cost,
    )


def _choices(asked: Asked, question: Question, meters: Sequence[MeterDefinition]) -> Choices:
    key = question.stretch.key
    return Choices(
        presets=[(asked.address(range=each, since="", to=""), name, each == key) for each, name in PRESETS.items()],
        buckets=list(BUCKETS.items()),
        meters=[("", "All"), *((meter.key, meter.name) for meter in meters)],
        dimensions=[("", "Nothing"), *((name, name) for name in dimensions_of(meters))],
        zones=_zones(),
    )


@cache
def _zones() -> tuple[str, ...]:
    """The zones that a person looks for: of places, and UTC."""
    places = {"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
    return ("UTC", *sorted(each for each in time_zones() if each.split("/")[0] in places and "/" in each))
