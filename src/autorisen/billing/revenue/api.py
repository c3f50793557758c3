"""The machine interface of revenue, for operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel

from autorisen.accounts import Principal, Scope, api_key_or_session
from autorisen.billing.revenue.list_changes import list_changes
from autorisen.billing.revenue.look import look, look_whole
from autorisen.billing.revenue.model import Kind
from autorisen.billing.revenue.places import place_of, read_month, read_place
from autorisen.billing.revenue.read_revenue import MONTHS_MAX
from autorisen.billing.revenue.report import Cohort, CurrencyRevenue, MoneyMonth, MrrMonth, RevenueReport, UsageMonth
from autorisen.billing.revenue.tables import revenue_table
from autorisen.kit.http import RuntimeDep
from autorisen.kit.ids import public_id
from autorisen.kit.problems import NotAllowed

router = APIRouter(prefix="/api/revenue", tags=["ledger"])

Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
Months = Annotated[int, Query(ge=1, le=MONTHS_MAX, description="How many months, the present one included")]
CHANGES_AT_ONCE = 100


class MrrMonthView(BaseModel):
    """`closing_minor` is `opening_minor` and the five movements. Shares are in thousandths, null of nothing."""

    month: str
    opening_minor: int
    new_minor: int
    expansion_minor: int
    reactivation_minor: int
    contraction_minor: int
    churn_minor: int
    closing_minor: int
    customers_opening: int
    customers_new: int
    customers_back: int
    customers_lost: int
    customers_closing: int
    customer_churn_per_mille: int | None
    revenue_churn_per_mille: int | None


class ReceivablesMonthView(BaseModel):
    """What customers owe, VAT contained: `closing_minor` is `opening_minor` and everything between."""

    month: str
    opening_minor: int
    invoiced_minor: int
    taken_back_minor: int
    written_off_minor: int
    paid_minor: int
    from_credits_minor: int
    other_minor: int
    closing_minor: int


class UsageMonthView(BaseModel):
    """What was invoiced for usage, by meter, without VAT and before coupons."""

    month: str
    total_minor: int
    meters: dict[str, int]


class CohortMonthView(BaseModel):
    """What is left of a cohort at the end of a month; shares in thousandths."""

    month: str
    customers: int
    mrr_minor: int
    customers_per_mille: int | None
    mrr_per_mille: int | None


class CohortView(BaseModel):
    """The customers who first paid in `month`; `mrr_minor` is what they began with."""

    month: str
    customers: int
    mrr_minor: int
    months: list[CohortMonthView]


class CurrencyRevenueView(BaseModel):
    """Everything in one currency."""

    currency: str
    mrr: list[MrrMonthView]
    receivables: list[ReceivablesMonthView]
    usage: list[UsageMonthView]
    cohorts: list[CohortView]


class RevenueView(BaseModel):
    """The revenue report. The last month is not over; the others are final.

    `counted_percent` is 100 when it reaches to now. Below, everything is as of `as_of`, and what happened
    since is being counted in the background.
    """

    as_of: datetime
    counted_percent: int
    currencies: list[CurrencyRevenueView]


class MrrChangeView(BaseModel):
    """One customer's MRR became another."""

    customer: str
    at: datetime
    kind: Kind
    before_minor: int
    after_minor: int


class MrrChangesView(BaseModel):
    """Changes, newest first; `next` goes into `after` for the following ones, and is null at the end."""

    changes: list[MrrChangeView]
    next: str | None


def _require_operator(principal: Principal) -> None:
    if not principal.is_operator:
        raise NotAllowed("revenue is the operator's; a customer sees invoices and a statement of account")


@router.get("")
async def read_revenue_report(runtime: RuntimeDep, principal: Administers, months: Months = 12) -> RevenueView:
    """MRR and its movements, churn, cohorts, usage by meter, and what customers owe, by month. For operators."""
    _require_operator(principal)
    return _view(await look(runtime, months=months))


@router.get("/table", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def read_revenue_table(
    runtime: RuntimeDep,
    principal: Administers,
    table: Literal["mrr", "receivables", "usage", "cohorts"] = "mrr",
    months: Months = 12,
) -> Response:
    """One part of the revenue report as CSV; refused while it does not reach to now. For operators."""
    _require_operator(principal)
    text = revenue_table(await look_whole(runtime, months=months), table)
    headers = {"Content-Disposition": f'attachment; filename="revenue-{table}.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


@router.get("/changes")
async def list_mrr_changes(
    runtime: RuntimeDep,
    principal: Administers,
    month: Annotated[str, Query(description="Such as 2026-03")],
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$")],
    kind: Kind | None = None,
    after: Annotated[str, Query(description="The `next` of the page before")] = "",
) -> MrrChangesView:
    """The customers behind a movement of MRR as far as the report goes, newest first, 100 at a time. For operators."""
    _require_operator(principal)
    async with runtime.database.read(snapshot=True) as tx:
        found = await list_changes(
            tx,
            runtime.clock.now(),
            month=read_month(month),
            currency=currency,
            kind=kind,
            before=read_place(after),
            limit=CHANGES_AT_ONCE,
        )
    views = [
        MrrChangeView(
            customer=public_id("cus", each.customer_id),
            at=each.at,
            kind=each.kind,
            before_minor=each.before.minor,
            after_minor=each.after.minor,
        )
        for each in found
    ]
    last = found[-1] if len(found) == CHANGES_AT_ONCE else None
    return MrrChangesView(changes=views, next=None if last is None else place_of(last.at, last.customer_id))


def _view(report: RevenueReport) -> RevenueView:
    return RevenueView(
        as_of=report.as_of, counted_percent=report.done, currencies=[_currency(each) for each in report.currencies]
    )


def _currency(revenue: CurrencyRevenue) -> CurrencyRevenueView:
    return CurrencyRevenueView(
        currency=revenue.currency,
        mrr=[_mrr(each) for each in revenue.mrr],
        receivables=[_money(each) for each in revenue.money],
        usage=[_usage(each) for each in revenue.usage],
        cohorts=[_cohort(each) for each in revenue.cohorts],
    )


def _mrr(month: MrrMonth) -> MrrMonthView:
    return MrrMonthView(
        month=f"{month.month:%Y-%m}",
        opening_minor=month.opening.minor,
        new_minor=month.new.minor,
        expansion_minor=month.expansion.minor,
        reactivation_minor=month.reactivation.minor,
        contraction_minor=month.contraction.minor,
        churn_minor=month.churn.minor,
        closing_minor=month.closing.minor,
        customers_opening=month.customers_opening,
        customers_new=month.customers_new,
        customers_back=month.customers_back,
        customers_lost=month.customers_lost,
        customers_closing=month.customers_closing,
        customer_churn_per_mille=month.customer_churn,
        revenue_churn_per_mille=month.revenue_churn,
    )


def _money(month: MoneyMonth) -> ReceivablesMonthView:
    return ReceivablesMonthView(
        month=f"{month.month:%Y-%m}",
        opening_minor=month.opening.minor,
        invoiced_minor=month.invoiced.minor,
        taken_back_minor=month.taken_back.minor,
        written_off_minor=month.written_off.minor,
        paid_minor=month.paid.minor,
        from_credits_minor=month.from_credits.minor,
        other_minor=month.other.minor,
        closing_minor=month.closing.minor,
    )


def _usage(month: UsageMonth) -> UsageMonthView:
    meters = {meter: amount.minor for meter, amount in month.meters.items()}
    return UsageMonthView(month=f"{month.month:%Y-%m}", total_minor=month.total.minor, meters=meters)


def _cohort(cohort: Cohort) -> CohortView:
    return CohortView(
        month=f"{cohort.first:%Y-%m}",
        customers=cohort.customers,
        mrr_minor=cohort.mrr.minor,
        months=[
            CohortMonthView(
                month=f"{each.month:%Y-%m}",
                customers=each.customers,
                mrr_minor=each.mrr.minor,
                customers_per_mille=each.customers_share,
                mrr_per_mille=each.mrr_share,
            )
            for each in cohort.months
        ],
    )
