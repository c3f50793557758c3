"""Take in the spans of a request: count each model call once, and take back what turns out to be a repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.metering.compat.otlp import store
from autorisen.metering.compat.otlp.gen_ai import CUSTOMER, SOURCE, has_ids, is_id, reports_usage, role, usage_event
from autorisen.metering.compat.otlp.model import Node, Role, Span, State, TraceReceipt
from autorisen.metering.compat.otlp.model_calls import counting_spans
from autorisen.metering.compat.otlp.store import KnownSpan
from autorisen.metering.corrections import Correction, correct_events
from autorisen.metering.decode import evidence, exact_json, read_event
from autorisen.metering.ingest import Item, ingest
from autorisen.metering.model import OPERATOR, Event, Result, Status

# A trace with more spans than this keeps no more that report nothing, and with three times as many none at all. Then
# calls count as they come, and sums no more: what they repeat may be among what was not kept.
SPANS_KEPT_MAX = 10_000

_REPEATED = "a span below it reports the same model calls"


@dataclass
class _Verdict:
    """What has to be done, in all traces of a request."""

    submit: list[tuple[KnownSpan, Item]] = field(default_factory=list)
    void: list[KnownSpan] = field(default_factory=list)
    states: list[tuple[str, str, State, int]] = field(default_factory=list)

    def note(self, span: KnownSpan, state: State, revision: int) -> None:
        self.states.append((span.trace_id, span.node.span_id, state, revision))


async def take_traces(
    unit: Unit, producer: UUID | None, own_subject: str | None, spans: Sequence[Span]
) -> TraceReceipt:
    """Keep the spans and count the model calls that they add, in this transaction.

    `producer` is the customer of the key, None for an operator's; `own_subject` whom a span means that names nobody.
    """
    tenant = producer or OPERATOR
    sent: dict[str, dict[str, KnownSpan]] = {}
    nameless: list[Item] = []
    for span in spans:
        if has_ids(span):
            kept = _known(span, own_subject)
            sent.setdefault(span.trace_id, {}).setdefault(kept.node.span_id, kept)
        else:
            nameless.append(usage_event(span, own_subject))
    verdict = _Verdict()
    for trace_id, known in (await _keep(unit, tenant, sent)).items():
        _judge(known, sent[trace_id], verdict)
    await _take_back(unit, tenant, verdict.void)
    return await _count(unit, tenant, producer, verdict, nameless)


def _known(span: Span, own_subject: str | None) -> KnownSpan:
    event_json = ""
    if reports_usage(span):
        item = usage_event(span, own_subject)
        event_json = (evidence(item) if isinstance(item, Event) else item.body).decode()
    parent_id = span.parent_id if is_id(span.parent_id, 16) else ""
    node = Node(span.span_id, parent_id, role(span), span.started_us, span.ended_us, bool(event_json))
    return KnownSpan(span.trace_id, node, event_json)


async def _keep(
    unit: Unit, tenant: UUID, sent: Mapping[str, Mapping[str, KnownSpan]]
) -> dict[str, dict[str, KnownSpan]]:
    """Keep the spans. Gives all that is known now of the traces in which something reports usage."""
    usages = {trace_id: any(span.node.reports_usage for span in spans.values()) for trace_id, spans in sent.items()}
    traces = await store.enter_traces(unit.tx, tenant, usages, unit.now) if usages else {}
    room = [
        span
        for id, trace in traces.items()
        for span in sent[id].values()
        if trace.spans < SPANS_KEPT_MAX * (3 if span.node.reports_usage else 1)
    ]
    if room:
        await store.insert_spans(unit.tx, tenant, room)
    counting = {id: dict(sent[id]) for id, trace in traces.items() if trace.has_usage}
    for span in await store.select_spans(unit.tx, tenant, counting) if counting else ():
        counting[span.trace_id][span.node.span_id] = span
    return counting


def _judge(known: Mapping[str, KnownSpan], sent: Mapping[str, KnownSpan], verdict: _Verdict) -> None:
    """Compare what counts in one trace with what should."""
    counting = counting_spans({id: span.node for id, span in known.items()})
    for span_id, span in known.items():
        if not span.node.reports_usage:
            continue
        if span_id not in counting:
            if span.state is State.COUNTED:
                verdict.void.append(span)
            if span.state is not State.REPEATED:
                verdict.note(span, State.REPEATED, span.revision + (span.state is State.COUNTED))
        elif not span.is_kept and span.node.role is Role.SUM:
            continue
        elif span.state in (State.NONE, State.REPEATED):
            verdict.submit.append((span, _item(span)))
        elif span_id in sent and (span.state is State.REJECTED or sent[span_id].event_json != span.event_json):
            # Said again what is refused or, with other content, a conflict.
            verdict.submit.append((span, _item(replace(sent[span_id], revision=span.revision))))


def _item(span: KnownSpan) -> Item:
    """The event of the span, under the identity that it counts by."""
    attributes = exact_json(span.event_json.encode())
    return read_event(attributes | {"id": _event_id(span)} if isinstance(attributes, dict) else attributes)


def _event_id(span: KnownSpan) -> str:
    """What was taken back counts again under another id: history is not changed."""
    base = f"{span.trace_id}-{span.node.span_id}"
    return f"{base}-{span.revision}" if span.revision else base


async def _take_back(unit: Unit, tenant: UUID, spans: Sequence[KnownSpan]) -> None:
    if spans:
        corrections = [Correction(tenant, SOURCE, _event_id(span), "void", _REPEATED) for span in spans]
        await correct_events(unit, actor=SOURCE, corrections=corrections)


async def _count(
    unit: Unit, tenant: UUID, producer: UUID | None, verdict: _Verdict, nameless: Sequence[Item]
) -> TraceReceipt:
    items = [*(item for _, item in verdict.submit), *nameless]
    receipt = await ingest(unit, producer, items) if items else None
    refused = (
        {result.index: result for result in receipt.results if result.status is Status.REJECTED} if receipt else {}
    )
    for index, (span, _) in enumerate(verdict.submit):
        verdict.note(span, State.REJECTED if index in refused else State.COUNTED, span.revision)
    if verdict.states:
        await store.set_states(unit.tx, tenant, verdict.states)
    reason = next((_reason(each) for each in refused.values()), "")
    return TraceReceipt(len(refused), reason)


def _reason(result: Result) -> str:
    field = f"the attribute {CUSTOMER}" if result.field == "/subject" else result.field
    return f"span {result.id or 'without ids'}: {field} {result.reason}"
