"""What each operation is asked with, by whom, so that it succeeds: by names of things that the seed made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autorisen import catalog
from tests.contract.conftest import MEMBER
from tests.factories.accounts import PASSWORD

ALL = ("operator", "customer", "session")
KEYS = ("operator", "customer")
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
    Call("GET /api/customers/{customer_id}/timeline", ("operator",), path=(("customer_id", "{customer_id}"),)),
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
        body={"amount_minor": 1, "reason": "tests", "key": "{who}"},
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
