"""Bad input of the machine interface of holds: every refusal names its field, and nothing changes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, MeterDefinition, apply_meters, meters
from autorisen.metering.filters import Test as Rule
from tests.factories.holds import RUNS, Caller, numbers


@pytest.mark.parametrize(
    "change, field",
    [
        ({"quantity": 1.5}, "/quantity"),
        ({"quantity": 1.0}, "/quantity"),
        ({"quantity": True}, "/quantity"),
        ({"quantity": None}, "/quantity"),
        ({"quantity": "NaN"}, "/quantity"),
        ({"quantity": "1e3"}, "/quantity"),
        ({"quantity": "٣"}, "/quantity"),
        ({"quantity": " 1"}, "/quantity"),
        ({"quantity": "1\n"}, "/quantity"),
        ({"quantity": -1}, "/quantity"),
        ({"quantity": "-0"}, "/quantity"),
        ({"quantity": 0}, "/quantity"),
        ({"quantity": "0.0000000000001"}, "/quantity"),
        ({"quantity": 10**18}, "/quantity"),
        ({"quantity": "1.5", "meter": RUNS}, "/quantity"),
        ({"quantity": 1001, "meter": RUNS}, "/quantity"),
        ({"meter": "nope"}, "/meter"),
        ({"meter": "a\x00"}, "/meter"),
        ({"meter": 7}, "/meter"),
        ({"key": ""}, "/key"),
        ({"key": "with space"}, "/key"),
        ({"key": "line\n"}, "/key"),
        ({"key": "k" * 201}, "/key"),
        ({"expires_in_seconds": 0}, "/expires_in_seconds"),
        ({"expires_in_seconds": 86401}, "/expires_in_seconds"),
        ({"expires_in_seconds": "60"}, "/expires_in_seconds"),
        ({"surplus": 1}, "/surplus"),
    ],
)
async def test_a_bad_hold_names_the_field(acme: Caller, change: dict[str, object], field: str) -> None:
    values: dict[str, Any] = {"quantity": 1} | change
    refused = await acme.hold(**values)
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])
    assert numbers(await acme.quota())[2] == "0"


@pytest.mark.parametrize(
    "body, field",
    [
        ({"quantity": 1.5}, "/quantity"),
        ({"quantity": -1}, "/quantity"),
        ({}, "/quantity"),
        ({"quantity": 1, "data": []}, "/data"),
        ({"quantity": 1, "data": {"output_tokens": 2}}, "/data/output_tokens"),
        ({"quantity": 1, "data": {"input_tokens": -1}}, "/data/input_tokens"),
        ({"quantity": 1, "data": {"note": "a\x00"}}, "/data"),
        ({"quantity": 1, "data": {"note": "\ud800"}}, "/data"),
        ({"quantity": 1, "data": {"note": "x" * 300_000}}, "/data"),
    ],
)
async def test_a_bad_settlement_names_the_field_and_ends_nothing(
    acme: Caller, body: dict[str, object], field: str
) -> None:
    id = await acme.held(100)
    refused = await acme.client.post(
        f"/api/holds/{id}/settle",
        headers=acme.headers | {"Content-Type": "application/json"},
        content=json.dumps(body).encode(),
    )
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])
    assert (await acme.read(id)).json()["status"] == "held"


async def test_numbers_in_data_stay_what_was_written(acme: Caller, client: httpx.AsyncClient) -> None:
    id = await acme.held(100)
    data = {"output_tokens": 5, "input_tokens": 0.1, "more": [{"cost": 0.30000000000000004}]}
    assert (await acme.settle(id, 5, data=data)).status_code == 200
    assert numbers(await acme.quota("llm.input_tokens"))[1] == "0.1"
    bad = await client.post(
        f"/api/holds/{await acme.held(1, key='n')}/settle",
        headers=acme.headers | {"Content-Type": "application/json"},
        content=b'{"quantity": 1, "data": {"x": [NaN]}}',
    )
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "/data")


@pytest.mark.parametrize(
    "body, field",
    [
        ({"quantity": 1, "sequence": 0}, "/sequence"),
        ({"quantity": 1, "sequence": 2**53}, "/sequence"),
        ({"quantity": 1, "sequence": "1"}, "/sequence"),
        ({"quantity": 0, "sequence": 1}, "/quantity"),
        ({"quantity": 0.1, "sequence": 1}, "/quantity"),
    ],
)
async def test_a_bad_draw_names_the_field(acme: Caller, body: dict[str, object], field: str) -> None:
    id = await acme.held(100)
    refused = await acme.draw(id, body["quantity"], body["sequence"])
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])
    assert (await acme.read(id)).json()["drawn"] == "0"


async def test_an_unknown_meter_has_no_quota(acme: Caller) -> None:
    answer = await acme.client.get("/api/quota", headers=acme.headers, params={"meter": "nope"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query/meter")


async def test_only_what_adds_up_is_held(acme: Caller, runtime: Runtime) -> None:
    """Goal: a hold of a peak, or of what a filter may leave out, could not be settled to what it says."""
    peak = MeterDefinition("peak", "Peak", "seats", "seats", Aggregation.MAX, ("seats",))
    some = MeterDefinition("some", "Some", "runs", "runs", Aggregation.COUNT, (), Rule(("ok",), "eq", True))
    async with runtime.unit() as unit:
        await apply_meters(unit, [*await meters(unit.tx), peak, some])
    for meter in ("peak", "some"):
        answer = await acme.hold(1, meter=meter)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "/meter")
