"""What an installation in use answers when all is well has the shape that the OpenAPI document gives it.

Method: every operation is asked with names of things that exist, by each caller who may; each answer must be a success
and is compared with its documented status, type and schema. Generated requests (test_openapi.py) rarely find things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.core.result import Ok

from autorisen import catalog
from tests.contract.conftest import MEMBER, Served
from tests.contract.test_openapi import check_answer, schema
from tests.factories.accounts import PASSWORD

ALL = ("operator", "customer", "session")
KEYS = ("operator", "customer")
OPERATIONS = {each.ok().label: each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)}
HOLD = {"meter": "agent.execution", "quantity": 1, "expires_in_seconds": 600}
EVENT = {"specversion": "1.0", "source": "contract", "type": "agent.execution", "data": {"agent": "x"}}
PERSON = {"email": "new@new.example", "password": "a long sentence for new", "name": "New", "company_name": "New"}


@dataclass(frozen=True)
class Call:
    """One operation: who may ask it, and with what. `{who}` and the names of `Served.names` are filled in."""

    label: str
    who: tuple[str, ...] = ALL
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    path: tuple[tuple[str, str], ...] = ()


CONSENT = {"enabled": False, "threshold_minor": 10_000, "amount_minor": 50_000}
GIFT = {"key": "contract", "customer": "{customer}", "amount_minor": 5_000, "reason": "tests"}
WHY = {"reason": "tests"}
VOID = {"source": EVENT["source"], "kind": "void", "reason": "tests"}
HOUR = {"source": "nobody", "hour": "2026-03-01T05:00:00Z"}
CREDITED = (("invoice_id", "{credited_id}"),)
OF_NOTE = (("credit_note_id", "{credit_note_id}"),)
OF_ACME = (("customer", "{customer}"),)
# In this order: a subscription is cancelled before it is resumed.
CALLS = (
    Call("POST /api/events", KEYS, body=[EVENT | {"id": "{who}", "subject": "{customer}"}]),
    Call("GET /api/events"),
    Call("GET /api/usage", query=(*OF_ACME, ("bucket", "day"))),
    Call("GET /api/events/rejected", ("operator",)),
    Call("GET /api/events/rejected/rules", ("operator",)),
    Call("POST /api/events/rejected/replay", KEYS, body={"field": "/time", "rule": "must be new", "reason": "x"}),
    Call("GET /api/events/conflicts", ("operator",)),
    Call("POST /api/events/corrections", ("operator",), body={"corrections": [VOID | {"id": "{who}"}]}),
    Call("GET /api/events/corrections", ("operator",), query=(("source", str(EVENT["source"])), ("id", "{who}"))),
    Call("POST /api/control-totals", KEYS, body={"totals": [{**HOUR, "events": 0}]}),
    Call("POST /api/control-totals/events", KEYS, body={**HOUR, "ids": []}),
    Call("GET /api/meters"),
    Call("GET /alive"),
    Call("GET /metrics", ("operator",)),
    Call("GET /api/version"),
    Call("POST /api/auth/login", KEYS, body={"email": MEMBER, "password": PASSWORD}),
    Call("GET /api/auth/me", ("session",)),
    Call("GET /api/api-keys"),
    Call("POST /api/api-keys", body={"name": "new", "scopes": ["usage:read"]}),
    Call("GET /api/customers"),
    Call("POST /api/customers", ("operator",), body={"key": "cove", "name": "Cove", "email": "cove@cove.example"}),
    Call("GET /api/customers/{customer_id}", path=(("customer_id", "{customer_id}"),)),
    Call("POST /api/auth/register", body=PERSON | {"email": "{who}@new.example"}),
    Call("GET /api/invoices", query=OF_ACME),
    Call("GET /api/invoices.csv", query=(*OF_ACME, ("from", "2026-01-01"), ("lines", "true"))),
    Call("GET /api/invoices/{invoice_id}", path=(("invoice_id", "{invoice_id}"),)),
    Call("GET /api/invoices/{invoice_id}.pdf", path=(("invoice_id", "{invoice_id}"),)),
    Call("GET /api/invoices/{invoice_id}/explanation", path=(("invoice_id", "{invoice_id}"),)),
    Call("GET /api/invoices/{invoice_id}/evidence.jsonl", path=(("invoice_id", "{invoice_id}"),)),
    Call("GET /api/invoices/{invoice_id}/link", path=(("invoice_id", "{invoice_id}"),)),
    Call("POST /api/invoices/{invoice_id}/pay", ("operator",), path=(("invoice_id", "{unpaid_id}"),)),
    Call("GET /api/credit-notes", query=(*OF_ACME, ("invoice", "{credited_id}"))),
    Call("GET /api/credit-notes/{credit_note_id}", path=OF_NOTE),
    Call("GET /api/credit-notes/{credit_note_id}.pdf", path=OF_NOTE),
    Call("GET /api/credit-notes/{credit_note_id}/explanation", path=OF_NOTE),
    Call("GET /api/credit-notes/{credit_note_id}/evidence.jsonl", path=OF_NOTE),
    Call(
        "POST /api/invoices/{invoice_id}/credit-notes/preview", ("operator",), path=CREDITED, body={"amount_minor": 1}
    ),
    Call(
        "POST /api/invoices/{invoice_id}/credit-notes",
        ("operator",),
        path=CREDITED,
        body={"amount_minor": 1, "reason": "tests"},
    ),
    Call("GET /api/cost-so-far", query=OF_ACME),
    Call("GET /api/next-invoice", query=OF_ACME),
    Call("GET /api/credits", query=OF_ACME),
    Call("GET /api/credits/movements", query=OF_ACME),
    Call("POST /api/credits/top-ups", query=OF_ACME, body={"amount_minor": 50_000}),
    Call("PUT /api/credits/automatic-top-up", query=OF_ACME, body=CONSENT),
    Call("POST /api/credits/grants", ("operator",), body=GIFT),
    Call(
        "POST /api/catalog/what-if",
        ("operator",),
        body={"catalog": catalog.shipped_catalog().replace("{", "{{").replace("}", "}}")},
    ),
    Call("POST /api/upgrade", query=OF_ACME, body={"plan": "enterprise"}),
    Call("GET /api/closings", ("operator",)),
    Call("POST /api/closings/retry", ("operator",), body={}),
    Call("GET /api/plans"),
    Call("POST /api/coupons/redeem", query=OF_ACME, body={"code": "launch"}),
    Call("GET /api/coupons", query=OF_ACME),
    Call("GET /api/addons", query=OF_ACME),
    Call("PUT /api/addons/{key}", ("operator",), (("customer", "fern"),), {"quantity": 2}, (("key", "extra_agents"),)),
    Call("GET /api/plan-moves", ("operator",), query=(("plan", "pro"), ("to_version", "1"))),
    Call("POST /api/plan-moves", ("operator",), body={"plan": "pro", "to_version": 1}),
    Call("GET /api/ledger/trial-balance", ("operator",)),
    Call("GET /api/statement", query=OF_ACME),
    Call("GET /api/ledger/accounts/{account}/statement", ("operator",), path=(("account", "clearing:sandbox"),)),
    Call("GET /api/deferred-revenue", ("operator",)),
    Call("GET /api/revenue", ("operator",)),
    Call("GET /api/revenue/table", ("operator",), query=(("table", "cohorts"),)),
    Call("GET /api/revenue/changes", ("operator",), query=(("month", "2026-03"), ("currency", "ZAR"))),
    Call("GET /api/dunning", ("operator",)),
    Call("GET /api/dunning/{invoice_id}", ("operator",), path=(("invoice_id", "{dunned_id}"),)),
    Call("POST /api/dunning/{invoice_id}/pause", ("operator",), path=(("invoice_id", "{dunned_id}"),)),
    Call("POST /api/dunning/{invoice_id}/resume", ("operator",), path=(("invoice_id", "{dunned_id}"),)),
    Call("POST /api/dunning/{invoice_id}/retry", ("operator",), path=(("invoice_id", "{dunned_id}"),)),
    Call("GET /api/payments"),
    Call("GET /api/payment-methods", ("customer", "session")),
    Call("POST /api/deliveries/{delivery_id}/replay", ("operator",), path=(("delivery_id", "{delivery_id}"),)),
    Call("GET /api/projects/status", ("session",)),
    Call("GET /api/subscription", query=OF_ACME),
    Call("POST /api/subscription/cancel", query=OF_ACME),
    Call("POST /api/subscription/resume", query=OF_ACME),
    Call("GET /api/subscriptions", query=OF_ACME),
    Call("GET /api/subscriptions/{subscription_id}", path=(("subscription_id", "{subscription_id}"),)),
    Call("GET /api/subscriptions/{subscription_id}/periods", path=(("subscription_id", "{subscription_id}"),)),
    Call(
        "GET /api/subscriptions/{subscription_id}/change",
        path=(("subscription_id", "{subscription_id}"),),
        query=(("plan", "enterprise"),),
    ),
    Call(
        "POST /api/subscriptions/{subscription_id}/change",
        path=(("subscription_id", "{subscription_id}"),),
        body={"plan": "enterprise", "at_period_end": True},
    ),
    Call("DELETE /api/subscriptions/{subscription_id}/planned", path=(("subscription_id", "{subscription_id}"),)),
    Call(
        "POST /api/subscriptions/{subscription_id}/cancel",
        path=(("subscription_id", "{subscription_id}"),),
        body={"at_once": False},
    ),
    Call("GET /api/entitlements", query=OF_ACME),
    Call("GET /api/quota", query=(*OF_ACME, ("meter", "agent.execution"))),
    Call("POST /api/holds", KEYS, body=HOLD | {"key": "{who}", "customer": "{customer}"}),
)

LATER = {
    "POST /api/credits/grants/{grant_id}/void",
    "POST /api/credits/grants/{grant_id}/refund",
    "POST /api/subscriptions",
    "POST /api/subscriptions/{subscription_id}/pause",
    "POST /api/subscriptions/{subscription_id}/resume",
    "GET /api/holds/{hold_id}",
    "POST /api/holds/{hold_id}/draw",
    "POST /api/holds/{hold_id}/settle",
    "POST /api/holds/{hold_id}/release",
    "DELETE /api/api-keys/{key_id}",
    "POST /api/invoices/{invoice_id}/void",
    "POST /api/invoices/{invoice_id}/write-off",
    "POST /api/events/rejected/{rejection_id}/replay",
    "POST /api/events/rejected/{rejection_id}/discard",
    "POST /api/events/conflicts/{conflict_id}/dismiss",
    "POST /api/events/conflicts/{conflict_id}/take",
}
LEFT_OUT = {
    "GET /api/health": "says that no worker runs here",
    "GET /services/health": "the same",
    "POST /api/auth/logout": "would end the session of the caller",
    "POST /api/payments/webhooks/{gateway}": "takes signed bytes, which the seeding sends",
    "POST /api/payment/webhook": "the same",
    "POST /api/subscriptions/{subscription_id}/pay": "waits for a charge that no worker makes here",
}


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return value.format(**names)
    if isinstance(value, dict):
        return {name: _filled(each, names) for name, each in value.items()}
    return [_filled(each, names) for each in value] if isinstance(value, list) else value


def _case(call: Call, names: dict[str, str]) -> schemathesis.Case[Any]:
    body: dict[str, Any] = {}
    if call.body is not None:
        body = {"body": _filled(call.body, names), "media_type": "application/json"}
    path, query = _filled(dict(call.path), names), _filled(dict(call.query), names)
    return OPERATIONS[call.label].Case(path_parameters=path, query=query, **body)


@pytest.mark.parametrize(
    "call, who", [pytest.param(call, who, id=f"{call.label} {who}") for call in CALLS for who in call.who]
)
def test_a_success_is_as_documented(served: Served, call: Call, who: str) -> None:
    assert 200 <= check_answer(_case(call, {**served.names, "who": who}), served, who) < 300


@pytest.mark.parametrize("who", KEYS)
def test_what_is_made_is_read_used_and_ended(served: Served, who: str) -> None:
    """Holds and keys, whose names are known once they are made."""
    with httpx.Client(base_url=served.url, headers=served.callers[who]) as client:
        made = [
            client.post("/api/holds", json=HOLD | {"key": f"{who}-{number}", "customer": served.names["customer"]})
            for number in (1, 2)
        ]
        key = client.post("/api/api-keys", json={"name": "short-lived", "scopes": ["admin"]})
    first, second = (each.json()["id"] for each in made)
    for call in (
        Call("GET /api/holds/{hold_id}", path=(("hold_id", first),)),
        Call("POST /api/holds/{hold_id}/draw", path=(("hold_id", first),), body={"quantity": 1, "sequence": 1}),
        Call("POST /api/holds/{hold_id}/settle", path=(("hold_id", first),), body={"quantity": 1}),
        Call("POST /api/holds/{hold_id}/release", path=(("hold_id", second),)),
        Call("DELETE /api/api-keys/{key_id}", path=(("key_id", key.json()["id"]),)),
    ):
        assert 200 <= check_answer(_case(call, {}), served, who) < 300, call.label


def test_open_invoices_are_ended(served: Served) -> None:
    """Each of two open invoices in its own way; they are opened for this alone."""
    for label, name in (("void", "void_id"), ("write-off", "lost_id")):
        call = Call(f"POST /api/invoices/{{invoice_id}}/{label}", path=(("invoice_id", served.names[name]),), body=WHY)
        assert check_answer(_case(call, {}), served, "operator") == 200, label


@pytest.mark.parametrize("who", KEYS)
def test_what_does_not_count_is_mended(served: Served, who: str) -> None:
    """Rejected and conflicting events, which are there once they were sent."""
    event = EVENT | {"subject": served.names["customer"]}
    sent = [event | {"id": f"{who}-{number}", "time": "never"} for number in (1, 2)]
    twice = [event | {"id": f"{who}-c", "data": {"try": number}} for number in (1, 2)]
    with httpx.Client(base_url=served.url, headers=served.callers[who]) as client:
        client.post("/api/events", json=[*sent, *twice])
        first, second = (each["rejection"] for each in client.get("/api/events/rejected?limit=2").json()["events"])
        conflict = client.get("/api/events/conflicts?limit=1").json()["events"][0]["conflict"]
    replay = {"reason": "tests", "patch": {"time": None}}
    for label, path, body in (
        ("POST /api/events/rejected/{rejection_id}/replay", ("rejection_id", first), replay),
        ("POST /api/events/rejected/{rejection_id}/discard", ("rejection_id", second), {"reason": "tests"}),
        ("POST /api/events/conflicts/{conflict_id}/dismiss", ("conflict_id", conflict), {"reason": "tests"}),
    ):
        assert check_answer(_case(Call(label, path=(path,), body=body), {}), served, who) == 200, label


def test_a_conflict_is_taken(served: Served) -> None:
    event = EVENT | {"subject": served.names["customer"], "id": "taken"}
    with httpx.Client(base_url=served.url, headers=served.callers["operator"]) as client:
        client.post("/api/events", json=[event | {"data": {"try": number}} for number in (1, 2)])
        conflict = client.get("/api/events/conflicts?limit=1").json()["events"][0]["conflict"]
    path = (("conflict_id", conflict),)
    call = Call("POST /api/events/conflicts/{conflict_id}/take", path=path, body={"reason": "tests"})
    assert check_answer(_case(call, {}), served, "operator") == 200


def test_credits_are_taken_back_and_refunded(served: Served) -> None:
    with httpx.Client(base_url=served.url, headers=served.callers["operator"]) as client:
        given = client.post("/api/credits/grants", json=_filled(GIFT | {"key": "void"}, served.names)).json()["id"]
    why = {"reason": "tests"}
    void = Call("POST /api/credits/grants/{grant_id}/void", path=(("grant_id", given),), body=why)
    assert check_answer(_case(void, {}), served, "operator") == 200
    refund = Call("POST /api/credits/grants/{grant_id}/refund", path=(("grant_id", "{bought_id}"),), body=why)
    assert check_answer(_case(refund, served.names), served, "operator") == 200


def test_subscriptions_are_tried_wanted_paused_and_stopped(served: Served) -> None:
    """What changes a subscription for good, for customers that nothing else here asks about."""
    acme = served.names["subscription_id"]

    def ask(label: str, subscription_id: str = "", body: dict[str, Any] | None = None) -> None:
        path = (("subscription_id", subscription_id),) if subscription_id else ()
        assert 200 <= check_answer(_case(Call(label, path=path, body=body), {}), served, "operator") < 300, label

    ask("POST /api/subscriptions", body={"plan": "pro", "trial": True, "customer": "dune"})
    ask("POST /api/subscriptions", body={"plan": "pro", "customer": "ebb"})
    with httpx.Client(base_url=served.url, headers=served.callers["operator"]) as client:
        found = {
            who: client.get(f"/api/subscriptions?customer={who}").json()["subscriptions"][0] for who in ("dune", "ebb")
        }
    assert [found[who]["status"] for who in ("dune", "ebb")] == ["trialing", "incomplete"]
    ask("GET /api/subscriptions/{subscription_id}", found["ebb"]["id"])
    ask("POST /api/subscriptions/{subscription_id}/cancel", found["dune"]["id"], {"at_once": True})
    ask("POST /api/subscriptions/{subscription_id}/pause", acme, {"at_once": True})
    ask("POST /api/subscriptions/{subscription_id}/resume", acme)


def test_every_operation_is_asked_or_left_out_for_a_reason() -> None:
    asked = {call.label for call in CALLS} | LATER
    assert asked | set(LEFT_OUT) == set(OPERATIONS)
    assert not asked & set(LEFT_OUT)
