"""Spans in the dialects of those who write them: what they did, and what they used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autorisen.metering.compat.otlp.gen_ai import reports_usage, role, usage_event
from autorisen.metering.compat.otlp.model import Role, Span, Value
from autorisen.metering.model import Event

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def span(attributes: dict[str, Value], name: str = "work") -> Span:
    return Span(TRACE, SPAN, "", name, 1_772_350_000_000_000, 1_772_350_001_000_000, attributes, {})


TODAY: dict[str, Value] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "acme.ai",
    "gen_ai.response.model": "large-2026",
    "gen_ai.request.model": "large",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.cache_creation.input_tokens": 10,
    "gen_ai.usage.reasoning.output_tokens": 5,
}
BEFORE: dict[str, Value] = {
    "gen_ai.operation.name": "text_completion",
    "gen_ai.system": "acme.ai",
    "gen_ai.request.model": "large",
    "gen_ai.usage.prompt_tokens": 100,
    "gen_ai.usage.completion_tokens": 20,
}
OPENLLMETRY: dict[str, Value] = {
    "llm.request.type": "chat",
    "traceloop.span.kind": "task",
    "gen_ai.system": "acme.ai",
    "gen_ai.request.model": "large",
    "llm.usage.prompt_tokens": 100,
    "llm.usage.completion_tokens": 20,
}
OPENINFERENCE: dict[str, Value] = {
    "openinference.span.kind": "LLM",
    "llm.provider": "acme.ai",
    "llm.model_name": "large",
    "llm.token_count.prompt": 100,
    "llm.token_count.completion": 20,
    "llm.token_count.prompt_details.cache_read": 60,
}
VERCEL: dict[str, Value] = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "acme.ai",
    "ai.model.id": "large",
    "ai.usage.promptTokens": 100,
    "ai.usage.completionTokens": 20,
}


@pytest.mark.parametrize(
    "attributes, expected",
    [
        (
            TODAY,
            {
                "model": "large-2026",
                "operation": "chat",
                "cache_read_tokens": 60,
                "cache_creation_tokens": 10,
                "uncached_input_tokens": 30,
                "reasoning_tokens": 5,
            },
        ),
        (BEFORE, {"operation": "text_completion"}),
        (OPENLLMETRY, {"operation": "chat"}),
        (OPENINFERENCE, {"operation": "llm", "cache_read_tokens": 60, "uncached_input_tokens": 40}),
        (VERCEL, {"operation": "chat"}),
    ],
    ids=["today", "before", "openllmetry", "openinference", "vercel"],
)
def test_a_model_call_is_read_in_every_dialect(attributes: dict[str, Value], expected: dict[str, Any]) -> None:
    event = usage_event(span(attributes), "acme")
    assert isinstance(event, Event)
    common = {"input_tokens": 100, "output_tokens": 20, "provider": "acme.ai", "model": "large"}
    assert event.data == common | expected
    assert (event.type, event.subject, event.source, event.id) == ("llm.completion", "acme", "otlp", f"{TRACE}-{SPAN}")
    assert event.stamp == "2026-03-01T07:26:41Z"
    assert role(span(attributes)) is Role.CALL


@pytest.mark.parametrize(
    "attributes, expected",
    [
        ({"gen_ai.operation.name": "chat"}, Role.CALL),
        ({"gen_ai.operation.name": "embeddings"}, Role.CALL),
        ({"gen_ai.operation.name": "something_new"}, Role.CALL),
        ({"gen_ai.operation.name": "invoke_agent"}, Role.SUM),
        ({"gen_ai.operation.name": "invoke_workflow"}, Role.SUM),
        ({"gen_ai.operation.name": "execute_tool"}, Role.TOOL),
        ({"openinference.span.kind": "AGENT"}, Role.SUM),
        ({"openinference.span.kind": "CHAIN"}, Role.SUM),
        ({"openinference.span.kind": "TOOL"}, Role.TOOL),
        ({"openinference.span.kind": "EMBEDDING"}, Role.CALL),
        ({"traceloop.span.kind": "workflow"}, Role.SUM),
        ({"traceloop.span.kind": "tool"}, Role.TOOL),
        ({"ai.operationId": "ai.generateText"}, Role.SUM),
        ({"ai.operationId": "ai.streamText.doStream"}, Role.CALL),
        ({"ai.operationId": "ai.embed.doEmbed"}, Role.CALL),
        ({"ai.operationId": "ai.toolCall"}, Role.TOOL),
        ({"gen_ai.usage.input_tokens": 5}, Role.SUM),  # who knows what it did
        ({"gen_ai.operation.name": 7}, Role.CALL),
        ({"service.name": "shop"}, Role.OTHER),
        ({}, Role.OTHER),
    ],
)
def test_what_a_span_stands_for(attributes: dict[str, Value], expected: Role) -> None:
    assert role(span(attributes)) is expected


@pytest.mark.parametrize(
    "operation, type",
    [
        ("chat", "llm.completion"),
        ("generate_content", "llm.completion"),
        ("invoke_agent", "llm.completion"),
        ("", "llm.completion"),
        ("embeddings", "llm.embedding"),
        ("image_generation", "llm.image_generation"),
    ],
)
def test_what_has_other_prices_has_another_type(operation: str, type: str) -> None:
    event = usage_event(span({"gen_ai.operation.name": operation, "gen_ai.usage.output_tokens": 3}), "acme")
    assert isinstance(event, Event)
    assert (event.type, event.data["input_tokens"], event.data["output_tokens"]) == (type, 0, 3)


@pytest.mark.parametrize(
    "attributes, expected",
    [
        ({"gen_ai.usage.input_tokens": "12"}, 12),  # a text of some instrumentations
        ({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.prompt_tokens": 99}, 12),
        ({"gen_ai.aggregated_usage.input_tokens": 12}, 12),
        # An input that leaves out what came from the cache is all uncached.
        ({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.cache_read.input_tokens": 900}, 12),
    ],
)
def test_tokens_are_read_as_they_come(attributes: dict[str, Value], expected: int) -> None:
    event = usage_event(span(attributes), "acme")
    assert isinstance(event, Event)
    assert event.data["input_tokens"] == expected
    assert event.data.get("uncached_input_tokens", expected) == expected


def test_without_tokens_there_is_no_usage() -> None:
    assert not reports_usage(span({"gen_ai.operation.name": "chat", "gen_ai.usage.cache_read.input_tokens": 3}))


def test_whom_a_span_means() -> None:
    def subject(attributes: dict[str, Value], resource: dict[str, Value], own: str | None) -> str | None:
        named = replace(span({"gen_ai.usage.input_tokens": 1} | attributes), resource=resource)
        event = usage_event(named, own)
        return event.subject if isinstance(event, Event) else None

    name = "autorisen.customer"
    assert subject({name: "span"}, {name: "resource"}, "own") == "span"
    assert subject({}, {name: "resource"}, "own") == "resource"
    assert subject({}, {}, "own") == "own"
    assert subject({}, {}, None) is None
