"""A traced program of OpenTelemetry's SDK, and how its spans are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, Tracer, TracerProvider
from opentelemetry.trace import SpanKind, set_span_in_context

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


def encoded(spans: list[ReadableSpan]) -> bytes:
    message: bytes = encode_spans(spans).SerializeToString()
    return message


async def tokens(client: httpx.AsyncClient, house: House) -> tuple[str, int]:
    return (await usage(client, house.acme.headers))["llm.input_tokens"]
