"""The machine interface of what-if: past months under a changed catalog file, a batch of customers at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from autorisen import accounts, catalog
from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.what_if.model import CUSTOMERS_MAX, MONTHS_MAX, Outcome, plans_of_file
from autorisen.billing.what_if.rate_again import stretch_of, what_if
from autorisen.kit.database import Tx
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.problems import FieldError, InvalidInput, NotAllowed

FILE_LENGTH_MAX = 500_000


router = APIRouter(prefix="/api/catalog", tags=["catalog"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]


class Question(Body):
    """A catalog file, and the months that it is tried on: those before `until`, or before now when it is left out.

    `customers` are keys or cus_ ids; all when left out.
    """

    catalog: str = Field(min_length=1, max_length=FILE_LENGTH_MAX)
    months: int = Field(3, ge=1, le=MONTHS_MAX)
    customers: list[Annotated[str, Field(min_length=1, max_length=120)]] | None = Field(
        None, min_length=1, max_length=CUSTOMERS_MAX
    )
    # A JSON document has no instants, so this one field is read from text.
    until: AwareDatetime | None = Field(None, strict=False)
    after: str | None = Field(None, max_length=40, description="`next` of the batch before")
    limit: int = Field(100, ge=1, le=500)


class OutcomeView(BaseModel):
    """What a customer's closed periods cost, and would cost, in cents, VAT included, before coupons and credits.

    `unsold` are plans of these periods that the file does not sell: they are in neither sum.
    """

    customer: str
    key: str
    currency: str
    periods: int
    before_minor: int
    after_minor: int
    difference_minor: int
    unsold: list[str]


class WhatIfView(BaseModel):
    """The outcomes of a batch of customers; `next` is the `after` of the next batch, or null.

    `total`, in the first batch, is how many customers there are in all.
    The periods ended after `since`, and until `until`: send that with the next batch, so that both are of one moment.
    """

    since: datetime
    until: datetime
    outcomes: list[OutcomeView]
    customers: int
    total: int | None
    next: str | None


@router.post("/what-if")
async def ask_what_if(question: Question, runtime: RuntimeDep, principal: Administers) -> WhatIfView:
    """Who would have paid more or less in past months under this file. Nothing is applied or written. For operators."""
    if not principal.is_operator:
        raise NotAllowed("prices are the operator's to change")
    now = runtime.clock.now()
    plans = plans_of_file(catalog.load_catalog(question.catalog), now)
    since, until = stretch_of(now, question.months, question.until)
    async with runtime.database.read() as tx:
        batch = await what_if(
            tx,
            plans,
            since=since,
            until=until,
            only=None if question.customers is None else await _ids(tx, question.customers),
            after=None if question.after is None else _cursor(question.after),
            limit=question.limit,
        )
    return WhatIfView(
        since=since,
        until=until,
        outcomes=[_view(each) for each in batch.outcomes],
        customers=batch.customers,
        total=batch.total,
        next=None if batch.next is None else public_id("cus", batch.next),
    )


def _view(outcome: Outcome) -> OutcomeView:
    return OutcomeView(
        customer=public_id("cus", outcome.customer_id),
        key=outcome.key,
        currency=outcome.before.currency,
        periods=outcome.periods,
        before_minor=outcome.before.minor,
        after_minor=outcome.after.minor,
        difference_minor=outcome.difference.minor,
        unsold=list(outcome.unsold),
    )


async def _ids(tx: Tx, names: list[str]) -> list[UUID]:
    known = await accounts.customer_ids_by_key(tx, names)
    missing = [f"/customers/{index}" for index, name in enumerate(names) if name not in known]
    if missing:
        raise InvalidInput(errors=[FieldError(field, "must be the key or cus_ id of a customer") for field in missing])
    return list(known.values())


def _cursor(text: str) -> UUID:
    try:
        return parse_public_id("cus", text)
    except MalformedId:
        raise InvalidInput(errors=[FieldError("/after", "must be a cus_ id")]) from None
