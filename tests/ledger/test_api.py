"""GET /api/ledger/trial-balance: for operators, and for nobody else."""

from __future__ import annotations

import httpx

from autorisen.kit.unit import Runtime
from autorisen.ledger import post
from tests.factories.accounts import make_customer, make_key
from tests.factories.ledger import sale


async def test_an_operator_reads_the_trial_balance(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        headers = await make_key(unit, None, ["admin"])
        await post(unit, reference="invoice:1", description="", occurred_at=unit.now, lines=sale(100))
    answer = await client.get("/api/ledger/trial-balance", headers=headers)
    assert answer.status_code == 200
    assert answer.json() == {
        "balanced": True,
        "totals": [{"currency": "ZAR", "debit_minor": 100, "credit_minor": 100}],
        "accounts": [
            {
                "account": "receivable:acme",
                "currency": "ZAR",
                "debit_minor": 100,
                "credit_minor": 0,
                "balance_minor": 100,
            },
            {
                "account": "revenue:subscription",
                "currency": "ZAR",
                "debit_minor": 0,
                "credit_minor": 100,
                "balance_minor": -100,
            },
        ],
    }


async def test_others_do_not(runtime: Runtime, client: httpx.AsyncClient) -> None:
    async with runtime.unit() as unit:
        customer = await make_customer(unit)
        theirs = await make_key(unit, customer.id, ["admin"])
        reader = await make_key(unit, None, ["billing:read"])
    assert (await client.get("/api/ledger/trial-balance")).status_code == 401
    for headers, code in ((theirs, "not_allowed"), (reader, None)):
        answer = await client.get("/api/ledger/trial-balance", headers=headers)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert code in (None, answer.json()["code"])
