"""Answers of every kind: what each of them means for the events of its request."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from autorisen.client.answer import RETRY_AFTER_LIMIT, backoff, retry_after
from tests.client.conftest import Connect, House
from tests.client.edge import Answer, Edge, Request, receipt
from tests.client.producer import START
from tests.factories.metering import llm_event

TOKENS = {"input_tokens": 7, "output_tokens": 1}


async def test_the_edge_answers_as_the_real_server(house: House, edge: Edge) -> None:
    """Goal: the fake is held to the contract: the same receipt for the same events, the same form of a refusal."""
    async with httpx.AsyncClient(trust_env=False) as http:
        events = [llm_event("a"), llm_event("b")]
        real = await http.post(f"{house.url}/api/events", json=events, headers=house.headers)
        fake = await http.post(f"{edge.url}/api/events", json=events)
        assert (real.status_code, real.json()) == (fake.status_code, fake.json())
        refused = await http.post(f"{house.url}/api/events", json=events, headers={"Authorization": "Bearer no"})
        assert refused.status_code == 401
        assert {"title", "detail"} <= refused.json().keys()
        again = await http.post(f"{house.url}/api/events", json=events[:1], headers=house.headers)
        assert again.json() == receipt(
            [], accepted=0, duplicates=1, results=[{"index": 0, "id": "a", "status": "duplicate"}]
        )


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected(edge: Edge, connect: Connect, status: int) -> None:
    edge.script = [Answer(status, {"title": "Busy"}, {"Retry-After": "1"})]
    client = connect(edge.url)
    id = client.record("llm.completion", "acme", TOKENS)
    assert client.flush(10)
    first, second = edge.sent()
    assert first.ids == second.ids == [id]
    assert second.at - first.at >= 1.0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"title": "Broken"}),
        Answer(502, b"<html>bad gateway</html>"),
        Answer(404, {"title": "Not found"}),
        Answer(301, {}, {"Location": "https://elsewhere.example/"}),
        Answer(200, b"<html>sign in to the hotel</html>"),
        Answer(200, {"accepted": 7}),
        Answer(200, receipt([1, 2])),
        Answer(200, receipt([], rejected=1)),
        Answer(200, receipt([], rejected=1, results=[{"index": 5, "status": "rejected"}])),
        Answer(200, receipt([], rejected=1, results=[{"index": 0, "status": "lost"}])),
        Answer(200, receipt([1]), after_seconds=1.0),
    ],
    ids=lambda answer: f"{answer.status}-{str(answer.body)[:40]}",
)
def test_without_a_receipt_the_same_is_sent_again(edge: Edge, connect: Connect, answer: Answer) -> None:
    """Whatever is not a complete receipt for these events leaves open whether they are there."""
    edge.script = [answer]
    client = connect(edge.url, timeout_seconds=0.5)
    id = client.record("llm.completion", "acme", TOKENS)
    assert client.flush(10)
    first, second = edge.sent()
    assert first.document == second.document
    assert first.ids == [id]
    assert (client.status().sent, client.status().dead) == (1, 0)


def test_a_duplicate_after_a_lost_answer_counts_as_sent(edge: Edge, connect: Connect) -> None:
    taken = receipt([], duplicates=1, results=[{"index": 0, "status": "duplicate"}])
    edge.script = [Answer(500, {}), Answer(200, taken)]
    client = connect(edge.url)
    client.record("llm.completion", "acme", TOKENS)
    assert client.flush(10)
    [total] = client.control_totals()
    assert (total.acked, total.repeated) == (1, 0)


def test_a_refused_batch_is_cut_until_the_fault_is_alone(edge: Edge, connect: Connect) -> None:
    def refuse_poison(request: Request) -> Answer:
        if request.path == "/api/events" and "poison" in request.ids:
            return Answer(400, {"title": "Malformed", "detail": "the body is no JSON"})
        return Answer(200, receipt(request.document))

    edge.otherwise = refuse_poison
    client = connect(edge.url, sending=False)
    for number in range(20):
        client.record("llm.completion", "acme", TOKENS, id="poison" if number == 11 else None)
    client.resume()
    assert client.flush(10)
    [dead] = client.dead_letters()
    assert (dead.event["id"], dead.fate, dead.reason) == ("poison", "refused", "400: the body is no JSON")
    assert (client.status().sent, client.status().pending) == (19, 0)
    taken = [id for request in edge.sent() if "poison" not in request.ids for id in request.ids]
    assert len(taken) == len(set(taken)) == 19


def test_batches_keep_to_both_limits(edge: Edge, connect: Connect) -> None:
    client = connect(edge.url, sending=False, batch_size=50)
    for number in range(120):
        client.record("note", "acme", {"text": "x" * (240_000 if number < 20 else 1)})
    client.resume()
    assert client.flush(20)
    assert sum(len(request.ids) for request in edge.sent()) == 120
    assert max(len(request.ids) for request in edge.sent()) == 50
    assert max(int(request.headers["Content-Length"]) for request in edge.sent()) < 5_000_000


def test_control_totals_are_told_when_the_hour_is_over(edge: Edge, connect: Connect) -> None:
    edge.otherwise = lambda request: Answer(200, receipt(request.document) if "events" in request.path else {})
    client = connect(edge.url)
    for hours in (2, 2, 1, 0):
        client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=hours))
    assert client.flush(10)
    told = _wait_for_totals(edge, 2)
    assert told == [
        {"source": "tests", "hour": "2026-03-01T06:00:00Z", "events": 2},
        {"source": "tests", "hour": "2026-03-01T07:00:00Z", "events": 1},
    ]
    client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=1))
    assert _wait_for_totals(edge, 3)[2] == {"source": "tests", "hour": "2026-03-01T07:00:00Z", "events": 2}


def _wait_for_totals(edge: Edge, count: int) -> list[Any]:
    async def wait() -> None:
        while len(edge.sent("/api/control-totals")) < count:  # noqa: ASYNC110 -- another thread makes it so
            await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(wait(), 10))
    return [request.document for request in edge.sent("/api/control-totals")]


def test_a_server_without_control_totals_is_asked_once(edge: Edge, connect: Connect) -> None:
    client = connect(edge.url, interval_seconds=0.001)
    client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=2))
    assert client.flush(10)
    _wait_for_totals(edge, 1)
    client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=1))
    assert client.flush(10)
    assert len(edge.sent("/api/control-totals")) == 1
    assert client.status().last_error is None


def test_an_on_error_that_fails_stops_nothing(edge: Edge, connect: Connect) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("no room for complaints")

    edge.script = [Answer(200, receipt([], rejected=1, results=[{"index": 0, "status": "rejected", "reason": "no"}]))]
    client = connect(edge.url, on_error=fail)
    client.record("llm.completion", "acme", TOKENS)
    assert client.flush(10)
    client.record("llm.completion", "acme", TOKENS)
    assert client.flush(10)
    assert (client.status().sent, client.status().dead) == (1, 1)


@pytest.mark.parametrize(
    "text, seconds",
    [
        (None, None),
        ("3", 3.0),
        (" 0 ", 0.0),
        ("999999", RETRY_AFTER_LIMIT),
        ("Sun, 01 Mar 2026 08:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 07:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2036 07:00:00 -0000", RETRY_AFTER_LIMIT),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, datetime(2026, 3, 1, 8, 0, tzinfo=UTC)) == seconds


def test_backoff_doubles_to_its_bound_and_spreads() -> None:
    assert [backoff(failures, 60.0, 1.0) for failures in (1, 2, 3, 8, 9, 10_000)] == [0.5, 1.0, 2.0, 60.0, 60.0, 60.0]
    assert backoff(3, 60.0, 0.0) == 1.0
    assert 1.0 < backoff(3, 60.0, 0.3) < 2.0
