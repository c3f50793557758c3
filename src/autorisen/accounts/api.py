"""The machine interface of accounts: sign-up, sessions, API keys, customers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from autorisen.accounts import api_keys, customers
from autorisen.accounts.access import (
    api_key_or_session,
    client_ip,
    key_owner,
    signed_in,
    visible_customer,
    visitor,
)
from autorisen.accounts.errors import OperatorsOnly
from autorisen.accounts.log_in import log_in, log_out
from autorisen.accounts.model import ApiKey, Customer, Principal, Scope
from autorisen.accounts.password_policy import MAX_BYTES, MIN_BYTES
from autorisen.accounts.session_cookie import clear_session_cookie, session_token, set_session_cookie
from autorisen.accounts.sessions import csrf_token
from autorisen.accounts.sign_up import register
from autorisen.kit.http import Body, RuntimeDep
from autorisen.kit.ids import MalformedId, parse_public_id, public_id
from autorisen.kit.problems import FieldError, InvalidInput

Responses = dict[int | str, dict[str, Any]]

# What every operation may answer besides stands in `kit.openapi`.
_REFUSALS: Responses = {
    401: {"description": "No session and no key, or ones that do not hold"},
    403: {"description": "The key lacks the scope, or this is for others"},
}
_MISSING: Responses = {404: {"description": "There is none, or it is somebody else's"}}
_TAKEN: Responses = {409: {"description": "The key is taken"}}
_LIMITED: Responses = {429: {"description": "Too many attempts; see Retry-After"}}

router = APIRouter(prefix="/api", tags=["accounts"], responses=_REFUSALS)

ReadsCustomers = Annotated[Principal, Depends(api_key_or_session(Scope.BILLING_READ))]
Administers = Annotated[Principal, Depends(api_key_or_session(Scope.ADMIN))]
SignedIn = Annotated[Principal, Depends(signed_in)]
Anyone = Annotated[Principal | None, Depends(visitor)]

Line = Annotated[str, Field(min_length=1, max_length=120)]
Email = Annotated[str, Field(min_length=3, max_length=254)]


class Registration(Body):
    """A person and the company they register."""

    email: Email
    password: str = Field(min_length=MIN_BYTES, max_length=MAX_BYTES)
    name: Line
    company_name: Line
    country: str = Field("ZA", min_length=2, max_length=2)
    currency: str = Field("ZAR", min_length=3, max_length=3)


class Credentials(Body):
    """What a person signs in with."""

    email: Email
    password: str = Field(min_length=1, max_length=MAX_BYTES)


class NewApiKey(Body):
    """An API key to be made."""

    name: Line
    scopes: list[str] = Field(min_length=1, max_length=10)
    # A JSON document has no instants, so this one field is read from text.
    expires_at: AwareDatetime | None = Field(None, strict=False)


class NewCustomer(Body):
    """A customer to be made by the operator."""

    key: str = Field(min_length=1, max_length=63)
    name: Line
    email: Email
    country: str = Field("ZA", min_length=2, max_length=2)
    currency: str = Field("ZAR", min_length=3, max_length=3)
    time_zone: str | None = Field(None, max_length=64)


class Accepted(BaseModel):
    """The same answer whether or not the address had an account."""

    status: str = "accepted"
    detail: str = "sign in with the address and the password; if the address had an account already, we sent it a mail"


class Person(BaseModel):
    """The person of the session."""

    id: str
    email: str
    name: str
    is_operator: bool
    customer_id: str | None
    customer_name: str | None
    csrf_token: str


class KeyView(BaseModel):
    """An API key without its secret."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class KeyWithSecret(KeyView):
    """A new API key; the secret is shown this once."""

    secret: str


class KeyList(BaseModel):
    api_keys: list[KeyView]


class CustomerView(BaseModel):
    id: str
    key: str
    name: str
    email: str
    country: str
    currency: str
    time_zone: str
    billing_address: str
    vat_number: str
    created_at: datetime


class CustomerList(BaseModel):
    """One page; `next` is the `after` of the following one."""

    customers: list[CustomerView]
    next: str | None


@router.post("/auth/register", status_code=202, responses=_LIMITED)
async def register_person(body: Registration, request: Request, runtime: RuntimeDep) -> Accepted:
    """Register a person and a company. Answers alike for new and for known addresses."""
    await register(runtime, ip=client_ip(request), **body.model_dump())
    return Accepted()


@router.post("/auth/login", responses=_LIMITED)
async def sign_in(body: Credentials, request: Request, response: Response, runtime: RuntimeDep) -> Person:
    """Start a session; its token comes as a cookie that scripts can't read."""
    signed = await log_in(
        runtime,
        email=body.email,
        password=body.password,
        ip=client_ip(request),
        user_agent=request.headers.get("user-agent", ""),
        replaces=session_token(request),
    )
    set_session_cookie(request, response, signed.token, is_operator=signed.principal.is_operator)
    return _person(signed.principal, csrf_token(runtime.settings.secret_key, signed.token))


@router.post("/auth/logout", status_code=204)
async def sign_out(request: Request, response: Response, runtime: RuntimeDep, principal: Anyone) -> None:
    """End the session on the server. Without one there is nothing to do."""
    token = session_token(request)
    if token:
        await log_out(runtime, principal, token)
    clear_session_cookie(request, response)


@router.get("/auth/me")
async def who_am_i(request: Request, principal: SignedIn) -> Person:
    """The person of the session."""
    return _person(principal, request.state.csrf_token)


@router.get("/api-keys")
async def list_keys(runtime: RuntimeDep, principal: Administers) -> KeyList:
    """The customer's keys, without their secrets; for an operator without a customer, the operator's."""
    async with runtime.database.read() as tx:
        found = await api_keys.list_api_keys(tx, key_owner(principal))
    return KeyList(api_keys=[KeyView(**_key(key)) for key in found])


@router.post("/api-keys", status_code=201)
async def create_key(body: NewApiKey, runtime: RuntimeDep, principal: Administers) -> KeyWithSecret:
    """Make a key. Its secret is in this answer and nowhere else."""
    async with runtime.unit() as unit:
        key, secret = await api_keys.create_api_key(
            unit,
            customer_id=key_owner(principal),
            name=body.name,
            scopes=body.scopes,
            expires_at=body.expires_at,
            actor=principal.actor,
        )
    return KeyWithSecret(**_key(key), secret=secret)


@router.delete("/api-keys/{key_id}", status_code=204, responses=_MISSING)
async def revoke_key(key_id: str, runtime: RuntimeDep, principal: Administers) -> None:
    """Revoke a key for ever. It stops working everywhere within five seconds."""
    async with runtime.unit() as unit:
        await api_keys.revoke_api_key(
            unit,
            key_id=parse_public_id("key", key_id),
            customer_id=key_owner(principal),
            actor=principal.actor,
        )


@router.get("/customers")
async def list_all_customers(
    runtime: RuntimeDep,
    principal: ReadsCustomers,
    search: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CustomerList:
    """All customers for operators, newest first; for others only their own."""
    last = _cursor(after)
    async with runtime.database.read() as tx:
        own = None if principal.is_operator else key_owner(principal)
        if own is None:
            found = await customers.list_customers(tx, search=search, after=last, limit=limit)
        else:
            found = [await customers.customer(tx, own)]
    following = found[-1].public_id if own is None and len(found) == limit else None
    return CustomerList(customers=[_customer(each) for each in found], next=following)


@router.post("/customers", status_code=201, responses=_TAKEN)
async def create_one_customer(body: NewCustomer, runtime: RuntimeDep, principal: Administers) -> CustomerView:
    """Create a customer under a key that events may then carry as their subject. For operators."""
    if not principal.is_operator:
        raise OperatorsOnly("only the operator creates customers; people register themselves")
    async with runtime.unit() as unit:
        return _customer(await customers.create_customer(unit, **body.model_dump(), actor=principal.actor))


@router.get("/customers/{customer_id}", responses=_MISSING)
async def one_customer(customer_id: str, runtime: RuntimeDep, principal: ReadsCustomers) -> CustomerView:
    """One customer. Somebody else's looks like none."""
    return _customer(await visible_customer(runtime, principal, customer_id))


def _cursor(after: str | None) -> UUID | None:
    if after is None:
        return None
    try:
        return parse_public_id("cus", after)
    except MalformedId:
        raise InvalidInput(errors=[FieldError("query/after", "use `next` of the page before")]) from None


def _person(principal: Principal, token: str) -> Person:
    assert principal.user_id is not None, "a session is always a person's"
    return Person(
        id=public_id("usr", principal.user_id),
        email=principal.email,
        name=principal.name,
        is_operator=principal.is_operator,
        customer_id=public_id("cus", principal.customer_id) if principal.customer_id else None,
        customer_name=principal.customer_name or None,
        csrf_token=token,
    )


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.public_id,
        "name": key.name,
        "hint": key.hint,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


def _customer(customer: Customer) -> CustomerView:
    return CustomerView(
        id=customer.public_id, **{name: getattr(customer, name) for name in CustomerView.model_fields if name != "id"}
    )
