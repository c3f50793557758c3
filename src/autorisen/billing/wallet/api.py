"""The machine interface of prepaid credits: the wallet, its movements, top-ups, and what operators give and take."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from autorisen import accounts
from autorisen.accounts import Principal
from autorisen.billing.access import REFUSALS, Changes, CustomerName, Reads
from autorisen.billing.wallet import store, views
from autorisen.billing.wallet.automatic_top_up import set_automatic_top_up
from autorisen.billing.wallet.grant_credits import AMOUNT_MAX, REASON_LENGTH_MAX, grant, void_grant
from autorisen.billing.wallet.model import PRIORITY_MAX, Grant, GrantKind
from autorisen.billing.wallet.read_wallet import read_wallet
from autorisen.billing.wallet.return_top_up import refund_credits
from autorisen.billing.wallet.top_up import start_top_up
from autorisen.billing.whose import customer_id_of
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.money import EXPONENTS, Money
from autorisen.kit.problems import FieldError, InvalidInput, NotAllowed
from autorisen.kit.unit import Unit

router = APIRouter(prefix="/api/credits", tags=["credits"])
Minor = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
Currency = Annotated[str, Field(min_length=3, max_length=3)]


class NewTopUp(Body):
    """How many credits to buy, in cents of the customer's currency."""

    amount_minor: Minor


class AutomaticTopUpTerms(Body):
    """The consent to charge the saved card, or its end."""

    enabled: bool
    threshold_minor: Minor
    amount_minor: Minor
    per_day: int = Field(1, ge=1, le=10)


class NewGrant(Body):
    """Credits to be given. The same `key` again gives the same grant. Without `currency`: the customer's."""

    key: str = Field(min_length=1, max_length=120)
    customer: str = Field(min_length=1, max_length=120)
    kind: Literal["promotional", "goodwill"] = "goodwill"
    amount_minor: Minor
    currency: Currency | None = None
    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)
    priority: int | None = Field(None, ge=0, le=PRIORITY_MAX)
    # A JSON document has no instants, so this one field is read from text.
    expires_at: AwareDatetime | None = Field(None, strict=False)


class Reason(Body):
    """Why, for the audit log and the customer."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH_MAX)


@router.get("")
async def read_credits(runtime: RuntimeDep, principal: Reads, customer: CustomerName = None) -> views.WalletView:
    """What can be spent now, and every grant."""
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
        return views.wallet_view(await read_wallet(tx, who, runtime.clock.now()))


@router.get("/movements")
async def read_movements(
    runtime: RuntimeDep,
    principal: Reads,
    customer: CustomerName = None,
    after: Annotated[str | None, Query(max_length=40, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.MovementList:
    """What happened to the credits, newest first."""
    cursor = None if after is None else _cursor(after)
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
        found = await store.movements(tx, who, after=cursor, limit=limit + 1)
    page = [views.movement_view(each) for each in found[:limit]]
    return views.MovementList(movements=page, next=page[-1].id if len(found) > limit else None)


@router.post("/top-ups", responses=REFUSALS)
async def top_up(
    wanted: NewTopUp, runtime: RuntimeDep, principal: Changes, customer: CustomerName = None
) -> views.TopUpCheckoutView:
    """The checkout in which credits can be bought; they are granted once it is paid. A repeated call gives the same."""
    async with runtime.database.read() as tx:
        who = await customer_id_of(tx, principal, customer)
        currency = (await accounts.customer(tx, who)).currency
    amount = Money(wanted.amount_minor, currency)
    checkout = await start_top_up(runtime, customer_id=who, amount=amount)
    return views.TopUpCheckoutView(id=public_id("chk", checkout.id), url=checkout.url, expires_at=checkout.expires_at)


@router.put("/automatic-top-up", responses=REFUSALS)
async def set_automatic(
    terms: AutomaticTopUpTerms, runtime: RuntimeDep, principal: Changes, customer: CustomerName = None
) -> views.AutomaticTopUpView:
    """Agree to automatic top-ups, change their terms, or stop them."""
    async with runtime.unit() as unit:
        who = await customer_id_of(unit.tx, principal, customer)
        currency = (await accounts.customer(unit.tx, who)).currency
        setting = await set_automatic_top_up(
            unit,
            customer_id=who,
            enabled=terms.enabled,
            threshold=Money(terms.threshold_minor, currency),
            amount=Money(terms.amount_minor, currency),
            per_day=terms.per_day,
            actor=principal.actor,
        )
    return views.automatic_view(setting)


@router.post("/grants", status_code=201, responses=REFUSALS)
async def give(wanted: NewGrant, runtime: RuntimeDep, principal: Changes) -> views.GrantView:
    """Give a customer credits. For operators."""
    _operators_only(principal)
    async with runtime.unit() as unit:
        customer = await accounts.customer(unit.tx, await customer_id_of(unit.tx, principal, wanted.customer))
        currency = wanted.currency or customer.currency
        if currency not in EXPONENTS:
            raise InvalidInput(errors=[FieldError("/currency", f"must be one of: {', '.join(EXPONENTS)}")])
        made = await grant(
            unit,
            customer_id=customer.id,
            kind=GrantKind(wanted.kind),
            amount=Money(wanted.amount_minor, currency),
            source=f"operator:{wanted.key}",
            reason=wanted.reason,
            priority=wanted.priority,
            expires_at=wanted.expires_at,
        )
        await _audit(unit, principal, "credits.grant", made, wanted.reason)
    return views.grant_view(made)


@router.post("/grants/{grant_id}/void", responses=REFUSALS)
async def void(grant_id: str, why: Reason, runtime: RuntimeDep, principal: Changes) -> views.GrantView:
    """Take back what is left of credits that were given. For operators."""
    _operators_only(principal)
    async with runtime.unit() as unit:
        voided = await void_grant(unit, parse_public_id("crd", grant_id), reason=why.reason)
        await _audit(unit, principal, "credits.void", voided, why.reason)
    return views.grant_view(voided)


@router.post("/grants/{grant_id}/refund", responses=REFUSALS)
async def refund(grant_id: str, why: Reason, runtime: RuntimeDep, principal: Changes) -> views.RefundView:
    """Send the unused part of a top-up back to its card; the credits are gone at once. For operators."""
    _operators_only(principal)
    id = parse_public_id("crd", grant_id)
    async with runtime.unit() as unit:
        amount = await refund_credits(unit, id)
        found = await store.find_grant(unit.tx, id)
        assert found is not None, "it was just refunded"
        await _audit(unit, principal, "credits.refund", found, why.reason)
    return views.RefundView(grant=grant_id, amount_minor=amount.minor, currency=amount.currency)


def _operators_only(principal: Principal) -> None:
    if not principal.is_operator:
        raise NotAllowed("operators give and take back credits; buy some with POST /api/credits/top-ups")


async def _audit(unit: Unit, principal: Principal, action: str, about: Grant, reason: str) -> None:
    customer = await accounts.customer(unit.tx, about.customer_id)
    detail = {"grant": about.public_id, "amount": str(about.amount), "reason": reason}
    await accounts.record_audit(unit, actor=principal.actor, action=action, target=customer.public_id, detail=detail)


def _cursor(text: str) -> UUID:
    try:
        return parse_public_id("crm", text)
    except MalformedId:
        raise InvalidInput(errors=[FieldError("query/after", "must be a crm_ id")]) from None
