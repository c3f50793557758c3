"""What a span says of the use of a model, by the GenAI conventions and the dialects before them. Pure.

Read are the names of OpenTelemetry, today's and those up to 1.36, and of OpenLLMetry, OpenInference and the AI
SDK of Vercel. Prompts and completions are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from autorisen.metering.compat.otlp.model import Role, Span, Value
from autorisen.metering.decode import read_event
from autorisen.metering.ingest import Item

CUSTOMER = "autorisen.customer"
SOURCE = "otlp"

# By bucket, best name first. `input_tokens` holds what was read from a cache, `output_tokens` what was reasoned.
_TOKENS: dict[str, tuple[str, ...]] = {
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.aggregated_usage.input_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "gen_ai.aggregated_usage.output_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.cachedInputTokens",
    ),
    "cache_creation_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.reasoningTokens",
    ),
}
_TEXTS: dict[str, tuple[str, ...]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    "model": (
        "gen_ai.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "ai.response.model",
        "ai.model.id",
    ),
    "response": ("gen_ai.response.id", "ai.response.id"),
    "agent": ("gen_ai.agent.name", "agent.name", "traceloop.entity.name"),
    "conversation": ("gen_ai.conversation.id", "session.id"),
}
_OPERATIONS = (
    "gen_ai.operation.name",
    "ai.operationId",
    "llm.request.type",
    "openinference.span.kind",
    "traceloop.span.kind",
)
_SERVICE = "service.name"

ATTRIBUTES = frozenset(
    (CUSTOMER, _SERVICE, *_OPERATIONS, *(name for names in (*_TOKENS.values(), *_TEXTS.values()) for name in names))
)

_COMPLETIONS = frozenset(("chat", "text_completion", "generate_content", "completion", "llm"))
_EMBEDDINGS = frozenset(("embeddings", "embedding", "embed"))
_TOOLS = frozenset(("execute_tool", "tool", "ai.toolcall"))
# Operations whose tokens are the sum of what runs below them, where anything below reports.
_SUMS = frozenset(
    ("invoke_agent", "create_agent", "invoke_workflow", "plan", "agent", "chain", "workflow", "task", "retriever")
)

_TEXT_MAX = 256
_DIGITS_MAX = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_US = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000


def operation(span: Span) -> str:
    """What the span says it did, in lower case; empty when it does not say."""
    named = _first(span.attributes, _OPERATIONS)
    said = str(_short(named)).lower() if named is not None else ""
    if said.startswith("ai.") and said not in _TOOLS:  # Vercel: the inner span is the call, the outer one its sum
        inner = said.rpartition(".")[2]
        return {"dogenerate": "chat", "dostream": "chat", "doembed": "embeddings"}.get(inner, "workflow")
    return said


def role(span: Span) -> Role:
    """What the span stands for."""
    did = operation(span)
    if did in _TOOLS:
        return Role.TOOL
    if did in _SUMS:
        return Role.SUM
    if did:
        return Role.CALL
    return Role.SUM if reports_usage(span) else Role.OTHER


def reports_usage(span: Span) -> bool:
    """Whether the span says how many tokens were used."""
    return any(
        _first(span.attributes, names) is not None for names in (_TOKENS["input_tokens"], _TOKENS["output_tokens"])
    )


def usage_event(span: Span, own_subject: str | None) -> Item:
    """The use that the span reports as an event, or the rule that it breaks.

    `own_subject` is the customer of the key; an operator's key names the customer in an attribute.
    """
    named = span.attributes.get(CUSTOMER, span.resource.get(CUSTOMER))
    event = {
        "specversion": "1.0",
        "source": SOURCE,
        # Without both ids there is no identity, and nothing that is sent again would be known.
        "id": f"{span.trace_id}-{span.span_id}" if has_ids(span) else None,
        "type": _type(operation(span)),
        "subject": _short(named) if named is not None else own_subject,
        "time": (_EPOCH + timedelta(microseconds=span.ended_us)).isoformat() if 0 < span.ended_us < _END_US else None,
        "data": _data(span),
    }
    return read_event(event)


def is_id(text: str, length: int) -> bool:
    """Whether the text is an id of so many hex digits; all zeros is none."""
    return len(text) == length and text.strip("0123456789abcdef") == "" and text.strip("0") != ""


def has_ids(span: Span) -> bool:
    """Whether the span can be told from every other one."""
    return is_id(span.trace_id, 32) and is_id(span.span_id, 16)


def _type(did: str) -> str:
    if did in _EMBEDDINGS:
        return "llm.embedding"
    if not did or did in _COMPLETIONS or did in _SUMS or did in _TOOLS:
        return "llm.completion"
    return f"llm.{did}"  # images, speech, reranking: other prices, so another type


def _data(span: Span) -> dict[str, object]:
    data: dict[str, object] = {"input_tokens": 0, "output_tokens": 0}
    for name, names in _TOKENS.items():
        tokens = _first(span.attributes, names)
        if tokens is not None:
            data[name] = _count(tokens)
    given, cached = data["input_tokens"], 0
    for name in ("cache_read_tokens", "cache_creation_tokens"):
        part = data.get(name)
        cached += part if isinstance(part, int) else 0
    if cached and isinstance(given, int):
        # Disjoint, for prices; some instrumentations leave out of the input what came from the cache.
        data["uncached_input_tokens"] = given - cached if given >= cached else given
    for name, names in _TEXTS.items():
        text = _first(span.attributes, names)
        if text is not None:
            data[name] = str(text)[:_TEXT_MAX]
    service = span.resource.get(_SERVICE)
    if service is not None:
        data["service"] = str(service)[:_TEXT_MAX]
    data["operation"] = operation(span)[:_TEXT_MAX]
    return data


def _count(value: Value) -> Value:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS_MAX:
        return int(value)
    return _short(value)


def _short(value: Value) -> Value:
    """Long enough to break the rule that it breaks."""
    return value[: _TEXT_MAX + 1] if isinstance(value, str) else value


def _first(attributes: Mapping[str, Value], names: tuple[str, ...]) -> Value | None:
    return next((attributes[name] for name in names if name in attributes), None)
