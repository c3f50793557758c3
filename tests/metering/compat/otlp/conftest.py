"""OpenTelemetry's own exporter, pointed at the application of the test."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from tests.metering.compat.conftest import House
from tests.metering.compat.otlp.studio import Export


@pytest.fixture
def export(house: House) -> Export:
    async def send(spans: list[ReadableSpan], headers: dict[str, str] | None = None, **options: Any) -> Any:
        given = {"authorization": (headers or house.operator)["Authorization"]}
        exporter: SpanExporter = OTLPSpanExporter(f"{house.url}/v1/traces", headers=given, timeout=10, **options)
        result = await asyncio.to_thread(exporter.export, spans)
        exporter.shutdown()
        return result

    return send
