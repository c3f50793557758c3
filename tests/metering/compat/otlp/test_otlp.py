"""OpenTelemetry's own SDK and exporter against the application, over loopback: only address and key are ours."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, set_span_in_context

from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.metering.compat.otlp import store
from autorisen.metering.compat.otlp.jobs import KEPT_WITHOUT_USAGE
from tests.factories.metering import usage
from tests.metering.compat.conftest import House

BEGUN_NS = 1_772_350_000 * 10**9  # 2026-03-01T07:26:40Z


class Kept(SpanProcessor):
    """Keeps the spans in the order in which they end, for tests that send them in another one."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class Studio:
    """A traced program whose clock stands at March 2026."""

    def __init__(self, **resource: str) -> None:
        self.kept = Kept()
        provider = TracerProvider(resource=Resource({"service.name": "studio", **resource}), shutdown_on_exit=False)
        provider.add_span_processor(self.kept)
        self.tracer: Tracer = provider.get_tracer("studio")  # type: ignore[assignment]  # the SDK's own class
        self.now = BEGUN_NS

    @contextmanager
    def span(self, operation: str | None, tokens: int | None = None, parent: Any = None, **more: Any) -> Iterator[Any]:
        attributes: dict[str, Any] = {"gen_ai.operation.name": operation, "gen_ai.input.messages": "a secret"}
        if tokens is not None:
            attributes |= {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 1}
        attributes |= {name.replace("__", "."): value for name, value in more.items()}
        context = set_span_in_context(parent) if parent is not None else None
        kept = {name: value for name, value in attributes.items() if value is not None}
        self.now += 10**9
        name = operation or "work"
        span = self.tracer.start_span(name, context, SpanKind.CLIENT, kept, start_time=self.now)
        yield span
        self.now += 10**9
        span.end(self.now)

    def agent(self, **more: Any) -> None:
        """An agent that reports its two calls once more, one of them behind a function of no interest."""
        with self.span("invoke_agent", 12, **more) as agent:
            with self.span("chat", 5, agent, **more), self.span(None, None, agent, **more):
                pass
            with self.span(None, None, agent) as step, self.span("chat", 7, step, **more):
                pass


Export = Callable[..., Any]


@pytest.fixture
def export(house: House) -> Export:
    async def send(spans: list[ReadableSpan], headers: dict[str, str] | None = None, **options: Any) -> Any:
        given = {"authorization": (headers or house.operator)["Authorization"]}
        exporter: SpanExporter = OTLPSpanExporter(f"{house.url}/v1/traces", headers=given, timeout=10, **options)
        result = await asyncio.to_thread(exporter.export, spans)
        exporter.shutdown()
        return result

    return send


async def tokens(client: httpx.AsyncClient, house: House) -> tuple[str, int]:
    return (await usage(client, house.acme.headers))["llm.input_tokens"]


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


def encoded(spans: list[ReadableSpan]) -> bytes:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    message: bytes = encode_spans(spans).SerializeToString()
    return message


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
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # Google ships no types

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
    export: Export, runtime: Runtime, clock: FrozenClock, house: House
) -> None:
    """Goal: a server that is traced whole fills nothing; what explains a count stays."""
    studio, web = Studio(**{"autorisen.customer": "acme"}), Studio()
    studio.agent()
    with web.span(None):
        pass
    await export([*studio.kept.spans, *web.kept.spans])

    async def forgotten(before: datetime) -> int:
        async with runtime.unit() as unit:
            return await store.forget_traces(unit.tx, before, 100)

    assert await forgotten(datetime(2026, 3, 1, tzinfo=UTC)) == 0
    clock.advance(KEPT_WITHOUT_USAGE + timedelta(seconds=1))
    assert await forgotten(runtime.clock.now() - KEPT_WITHOUT_USAGE) == 1
    assert await forgotten(runtime.clock.now() + timedelta(days=1)) == 0
