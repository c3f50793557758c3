"""OpenTelemetry's own SDK and exporter against the application, over loopback: only address and key are ours."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # Google ships no types
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.export import SpanExportResult

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.metering.compat.otlp.jobs import KEPT_WITHOUT_USAGE
from autorisen.metering.ingest_queue import MEMORY_MAX
from tests.factories.metering import usage
from tests.metering.compat.conftest import House
from tests.metering.compat.otlp.studio import BEGUN_NS, Export, Studio, encoded, tokens


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
async def test_an_agent_that_repeats_its_calls_counts_once(
    export: Export, client: httpx.AsyncClient, house: House, compression: Compression
) -> None:
    studio = Studio(**{"autorisen.customer": "acme"})
    studio.agent()
    assert await export(studio.kept.spans, compression=compression) is SpanExportResult.SUCCESS
    assert await tokens(client, house) == ("12", 2)
    assert await export(studio.kept.spans) is SpanExportResult.SUCCESS, "sent again after a lost answer"
    assert await tokens(client, house) == ("12", 2)


async def test_what_is_kept_of_a_call(export: Export, client: httpx.AsyncClient, house: House) -> None:
    studio = Studio()
    more = {
        "autorisen__customer": "acme",
        "gen_ai__provider__name": "acme.ai",
        "gen_ai__request__model": "large",
        "gen_ai__response__model": "large-2026",
        "gen_ai__usage__cache_read__input_tokens": 80,
        "gen_ai__usage__reasoning__output_tokens": 1,
    }
    with studio.span("chat", 100, **more):
        pass
    with studio.span("embeddings", 3, autorisen__customer="acme"):
        pass
    await export(studio.kept.spans)
    events = (await client.get("/api/events", headers=house.acme.headers)).json()["events"]
    chat = next(each for each in events if each["type"] == "llm.completion")
    context = studio.kept.spans[0].context
    assert context is not None
    assert (chat["source"], chat["id"]) == ("otlp", f"{context.trace_id:032x}-{context.span_id:016x}")
    assert chat["time"].startswith("2026-03-01T07:26:42")
    assert chat["data"] == {
        "input_tokens": 100,
        "uncached_input_tokens": 20,
        "cache_read_tokens": 80,
        "output_tokens": 1,
        "reasoning_tokens": 1,
        "provider": "acme.ai",
        "model": "large-2026",
        "service": "studio",
        "operation": "chat",
    }
    assert "secret" not in json.dumps(events)
    assert {each["type"] for each in events} == {"llm.completion", "llm.embedding"}, "other prices, another type"


async def test_a_customers_own_key_needs_no_name(export: Export, client: httpx.AsyncClient, house: House) -> None:
    studio = Studio()
    studio.agent()
    await export(studio.kept.spans, house.acme.headers)
    assert await tokens(client, house) == ("12", 2)


async def test_spans_that_cannot_be_counted_are_said_and_kept(
    export: Export, client: httpx.AsyncClient, house: House
) -> None:
    """Goal: no customer, somebody else's, no number of tokens; the good span of the request counts."""
    studio = Studio()
    with studio.span("chat", 5, autorisen__customer="acme"), studio.span("chat", 7), studio.span("chat", -1):
        pass
    body = encoded(studio.kept.spans)
    headers = house.operator | {"Content-Type": "application/x-protobuf"}
    answer = await client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 2
    assert "autorisen.customer" in partial.error_message
    rejected = (await client.get("/api/events/rejected", headers=house.operator)).json()["events"]
    assert {each["field"] for each in rejected} == {"/subject"}
    assert await tokens(client, house) == ("5", 1)

    theirs = Studio()
    with theirs.span("chat", 5, autorisen__customer="acme"), theirs.span("chat", -5, autorisen__customer="zulu"):
        pass
    answer = await client.post("/v1/traces", content=encoded(theirs.kept.spans), headers=headers | house.zulu.headers)
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 2
    assert (await usage(client, house.zulu.headers))["llm.input_tokens"] == ("0", 0)


def json_request(*, span_id: str = "b7ad6b7169203331", tokens: Any = "5") -> dict[str, Any]:
    attributes = [
        {"key": "autorisen.customer", "value": {"stringValue": "acme"}},
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": tokens}},
    ]
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": span_id,
        "name": "chat",
        "startTimeUnixNano": str(BEGUN_NS),
        "endTimeUnixNano": str(BEGUN_NS + 10**9),
        "attributes": attributes,
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


async def test_json_counts_too(client: httpx.AsyncClient, house: House) -> None:
    packed = gzip.compress(json.dumps(json_request()).encode())
    headers = house.operator | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for _ in range(2):
        answer = await client.post("/v1/traces", content=packed, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {})
    assert await tokens(client, house) == ("5", 1)


async def test_the_same_span_with_other_tokens_is_a_conflict(client: httpx.AsyncClient, house: House) -> None:
    for amount in ("5", "50"):
        await client.post("/v1/traces", json=json_request(tokens=amount), headers=house.operator)
    assert await tokens(client, house) == ("5", 1)
    conflicts = (await client.get("/api/events/conflicts", headers=house.operator)).json()["events"]
    assert [each["source"] for each in conflicts] == ["otlp"]


@pytest.mark.parametrize("span_id", ["", "0" * 16, "zzzz6b7169203331", "b7ad"])
async def test_a_span_without_an_id_is_rejected(client: httpx.AsyncClient, house: House, span_id: str) -> None:
    answer = await client.post("/v1/traces", json=json_request(span_id=span_id), headers=house.operator)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert "without ids" in answer.json()["partialSuccess"]["errorMessage"]
    assert await tokens(client, house) == ("0", 0)


@pytest.mark.parametrize(
    "headers, body, status, code",
    [
        ({}, b"\xff", 400, 3),
        ({"Authorization": "Bearer nonsense"}, b"", 401, 16),
        ({"Content-Type": "text/plain"}, b"", 415, 3),
        ({"Content-Encoding": "br"}, b"", 415, 3),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"\0" * 50_000_000), 413, 3),
    ],
)
async def test_refusals_are_a_status_in_the_encoding_of_the_request(
    client: httpx.AsyncClient, house: House, headers: dict[str, str], body: bytes, status: int, code: int
) -> None:
    sent = house.operator | {"Content-Type": "application/x-protobuf"} | headers
    answer = await client.post("/v1/traces", content=body, headers=sent)
    assert answer.status_code == status, answer.text
    if sent["Content-Type"] == "application/x-protobuf":
        assert answer.headers["content-type"] == "application/x-protobuf"
        said = Status.FromString(answer.content)
        assert (said.code, bool(said.message)) == (code, True)
    else:
        assert answer.json()["code"] == code


async def test_links_without_usage_are_forgotten_after_a_week(
    export: Export, runtime: Runtime, worker: Worker, clock: FrozenClock, house: House
) -> None:
    """Goal: a server that is traced whole fills nothing; what explains a count stays."""
    studio, web = Studio(**{"autorisen.customer": "acme"}), Studio()
    studio.agent()
    with web.span(None):
        pass
    await export([*studio.kept.spans, *web.kept.spans])

    async def kept() -> tuple[int, int]:
        async with runtime.database.read() as tx:
            cursor = await tx.execute(
                "SELECT (SELECT count(*) FROM metering.traces), (SELECT count(*) FROM metering.spans)"
            )
            row = await cursor.fetchone()
        assert row is not None
        return row[0], row[1]

    for age in (timedelta(0), KEPT_WITHOUT_USAGE):
        clock.advance(age)
        await worker.drain()
        assert await kept() == (2, 6)
    clock.advance(timedelta(hours=1))
    await worker.drain()
    assert await kept() == (1, 5)


async def test_while_there_is_no_room_exporters_are_put_off(
    export: Export, client: httpx.AsyncClient, house: House, app: FastAPI
) -> None:
    """Goal: 503 and Retry-After, which exporters obey by themselves; then the same spans count."""
    studio = Studio(**{"autorisen.customer": "acme"})
    studio.agent()
    await client.post("/v1/traces", json={}, headers=house.operator)
    memory = app.state.ingest_queue.memory
    memory.take(MEMORY_MAX)
    headers = house.operator | {"Content-Type": "application/x-protobuf"}
    answer = await client.post("/v1/traces", content=encoded(studio.kept.spans), headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert Status.FromString(answer.content).code == 14
    asyncio.get_running_loop().call_later(0.5, setattr, memory, "used", 0)
    assert await export(studio.kept.spans) is SpanExportResult.SUCCESS
    assert await tokens(client, house) == ("12", 2)


async def test_many_exporters_of_one_trace_leave_connections_to_others(
    client: httpx.AsyncClient, house: House, runtime: Runtime
) -> None:
    """Goal: of 60 requests that wait for each other two do so in the database, and nobody waits for a connection."""
    studio = Studio(**{"autorisen.customer": "acme"})
    for _ in range(12):
        studio.agent()
    headers = house.operator | {"Content-Type": "application/x-protobuf"}
    await client.post("/v1/traces", json={}, headers=house.operator)  # whose key it is is known from here on
    sending = [
        asyncio.create_task(client.post("/v1/traces", content=encoded([span]), headers=headers))
        for span in studio.kept.spans
    ]
    await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    assert not all(task.done() for task in sending)
    assert runtime.database.stats().get("requests_waiting", 0) == 0
    assert {answer.status_code for answer in await asyncio.gather(*sending)} == {200}
    assert await tokens(client, house) == (str(12 * 12), 24)
