"""GET /api/plans: public, exact, and clear about what it does not know."""

from __future__ import annotations

import httpx
import pytest

from autorisen.kit.unit import Runtime
from tests.factories.catalog import apply_shipped


@pytest.fixture
async def sold(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await apply_shipped(unit)


@pytest.mark.usefixtures("sold")
async def test_everybody_reads_what_is_sold(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/plans")
    assert answer.status_code == 200
    free, pro, enterprise = answer.json()["plans"]
    assert [plan["key"] for plan in (free, pro, enterprise)] == ["free", "pro", "enterprise"]
    assert (free["is_default"], enterprise["limits"]["projects"], pro["limits"]["projects"]) == (True, None, 25)
    price = pro["prices"][0]
    assert price.pop("id").startswith("prc_")
    assert price == {"currency": "ZAR", "interval": "month", "amount": "529.00", "amount_minor": 52900}
    usage = pro["usage"][2]
    assert usage.pop("id").startswith("prc_")
    assert usage == {
        "currency": "ZAR",
        "meter": "llm.input_tokens",
        "unit": "tokens",
        "included": "5000000",
        "cells": [],
        "model": "per_unit",
        "unit_amount_minor": "0.006",
        "tiers": None,
        "package_size": None,
        "package_minor": None,
        "rate": None,
        "event_fee_minor": None,
        "minimum_minor": None,
        "cap_minor": None,
        "overage_allowed": True,
    }


@pytest.mark.usefixtures("sold")
async def test_prices_of_one_currency(client: httpx.AsyncClient) -> None:
    plans = (await client.get("/api/plans", params={"currency": "USD"})).json()["plans"]
    assert {price["currency"] for plan in plans for price in plan["prices"] + plan["usage"]} == {"USD"}


@pytest.mark.parametrize("query, field", [("currency=EUR", "query/currency"), ("curency=ZAR", "query/curency")])
async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"/api/plans?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_before_the_first_apply_the_list_is_empty(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/plans")).json() == {"plans": []}
