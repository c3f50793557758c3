"""What past months would have cost under a changed catalog file: asked batch by batch, and written nowhere.

The page carries what is counted so far from one batch to the next, so that a question about many customers shows how
far it has come, and needs no place to be kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel

from autorisen import accounts, billing, catalog
from autorisen.billing import Tally
from autorisen.console.access import Operator
from autorisen.kit.database import Tx
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import parse_public_id, public_id
from autorisen.kit.problems import FieldError, InvalidInput, Problem
from autorisen.kit.unit import Runtime
from autorisen.ui import render
from autorisen.ui.render import is_partial

router = APIRouter(prefix="/catalog/what-if")

CUSTOMERS_AT_ONCE = 100
MONTHS = (("1", "one month"), ("3", "3 months"), ("6", "6 months"), ("12", "a year"), ("24", "2 years"))


@dataclass(frozen=True)
class Progress:
    """What is counted so far, of periods that ended after `since` and until `until`.

    `next` and `so_far` go on with the next batch; `next` is empty at the end.
    """

    since: datetime
    until: datetime
    done: int
    total: int
    tallies: Sequence[Tally]
    next: str
    so_far: str


@dataclass(frozen=True)
class WhatIfPage:
    """Context of console/what_if.html and console/_what_if.html. `progress` is empty before anything is asked."""

    text: str
    months: str = "3"
    until: str = ""
    customers: str = ""
    progress: Progress | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    rules: Sequence[str] = ()
    choices: tuple[tuple[str, str], ...] = MONTHS
    buckets: tuple[str, ...] = billing.BUCKETS


class Question(BaseModel):
    """What the form sends."""

    catalog: str = ""
    months: str = "3"
    until: str = ""
    customers: str = ""
    as_of: str = ""
    after: str = ""
    done: str = "0"
    total: str = "0"
    so_far: str = ""


@router.get("")
async def what_if_page(request: Request, _operator: Operator) -> Response:
    """The question, filled in with the shipped file as an example of its form."""
    return render(request, "console/what_if.html", WhatIfPage(catalog.shipped_catalog()))


@router.post("")
async def ask(
    request: Request, runtime: RuntimeDep, _operator: Operator, form: Annotated[Question, Form()]
) -> Response:
    """Ask, or go on with the next customers."""
    template = "console/_what_if.html" if is_partial(request) else "console/what_if.html"
    page = WhatIfPage(form.catalog, form.months, form.until, form.customers)
    try:
        return render(request, template, replace(page, progress=await _go_on(runtime, form)))
    except Problem as problem:
        rules = [f"{error.field or 'The file'}: {error.rule}" for error in problem.errors]
        page = replace(page, errors=accounts.by_field(problem), rules=rules)
        return render(request, template, page, status=problem.status)


async def _go_on(runtime: Runtime, form: Question) -> Progress:
    """One batch more. Raises `CatalogInvalid` and `InvalidInput`."""
    if form.months not in dict(MONTHS):
        raise InvalidInput(errors=[FieldError("/months", "must be one of the list")])
    now = runtime.clock.now()
    plans = billing.plans_of_file(catalog.load_catalog(form.catalog), now)
    so_far, done, total = _so_far(form)
    since, until = billing.stretch_of(now, int(form.months), _instant(form.as_of if form.after else form.until))
    async with runtime.database.read() as tx:
        batch = await billing.what_if(
            tx,
            plans,
            since=since,
            until=until,
            only=await _customers(tx, form.customers),
            after=parse_public_id("cus", form.after) if form.after else None,
            limit=CUSTOMERS_AT_ONCE,
        )
    tallies = billing.tally(so_far, batch.outcomes)
    return Progress(
        since=since,
        until=until,
        done=done + batch.customers,
        total=max(total if batch.total is None else batch.total, done + batch.customers),
        tallies=tallies,
        next="" if batch.next is None else public_id("cus", batch.next),
        so_far=msgspec.json.encode(tallies).decode(),
    )


def _instant(text: str) -> datetime | None:
    """The start of a day, or an instant, in UTC."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(errors=[FieldError("/until", "must be a date, such as 2026-03-01")]) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _customers(tx: Tx, text: str) -> Sequence[UUID] | None:
    """The customers that were typed, one a line or with commas between; None for all."""
    names = list(dict.fromkeys(text.replace(",", " ").split()))
    if not names:
        return None
    if len(names) > billing.CUSTOMERS_MAX:
        raise InvalidInput(errors=[FieldError("/customers", f"must be {billing.CUSTOMERS_MAX:,} at most, or all")])
    known = await accounts.customer_ids_by_key(tx, names)
    if missing := [name for name in names if name not in known]:
        rule = f"must be keys or cus_ ids of customers; {', '.join(missing[:3])} is not"
        raise InvalidInput(errors=[FieldError("/customers", rule)])
    return list(known.values())


def _so_far(form: Question) -> tuple[Sequence[Tally], int, int]:
    """What the page has carried here from the batches before: the sums, how many are done, and how many there are."""
    if not form.after:
        return (), 0, 0
    try:
        found = msgspec.json.decode(form.so_far, type=tuple[Tally, ...])
    except (msgspec.MsgspecError, ValueError):
        found = ()
    are_counts = all(re.fullmatch("[0-9]{1,9}", count) for count in (form.done, form.total))
    if not found or not all(each.is_sound for each in found) or not are_counts:
        raise InvalidInput(errors=[FieldError("/so_far", "must be what the page sent; ask anew")])
    return found, int(form.done), int(form.total)
