"""What an installation in use answers when all is well has the shape that the OpenAPI document gives it.

Method: every operation is asked with names of things that exist, by each caller who may; each answer must be a success
and is compared with its documented status, type and schema. Generated requests (test_openapi.py) rarely find things.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.core.result import Ok

from tests.contract.calls import CALLS, EVENT, GIFT, HOLD, KEYS, LATER, LEFT_OUT, WHY, Call
from tests.contract.conftest import Served
from tests.contract.test_openapi import check_answer, schema

OPERATIONS = {each.ok().label: each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)}


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
