"""Answers of every kind: what each of them means for the events of its request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from autorisen.client.answer import RETRY_AFTER_LIMIT, backoff, retry_after
from autorisen.metering.control_totals import ids_digest
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


def judge(verdict: str, *, missing: list[dict[str, str]] | None = None) -> Callable[[Request], Answer]:
    """A server that takes all events and says this of control totals."""

    def answer(request: Request) -> Answer:
        if request.path == "/api/events":
            return Answer(200, receipt(request.document))
        if request.path == "/api/control-totals":
            totals = [{"source": each["source"], "verdict": verdict} for each in request.document["totals"]]
            return Answer(200, {"totals": totals})
        return Answer(200, {"missing": missing or [], "unexpected": None})

    return answer


def test_control_totals_are_told_when_the_hour_is_over(edge: Edge, connect: Connect) -> None:
    edge.otherwise = judge("matches")
    client = connect(edge.url)
    ids = [
        client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=hours)) for hours in (2, 2, 1, 0)
    ]
    assert client.flush(10)
    told = _wait_for_totals(edge, 2)
    assert [(each["source"], each["hour"], each["events"], each["digest"]) for each in told] == [
        ("tests", "2026-03-01T06:00:00Z", 2, f"{ids_digest(ids[:2]):016x}"),
        ("tests", "2026-03-01T07:00:00Z", 1, f"{ids_digest(ids[2:3]):016x}"),
    ]
    assert len({each["producer"] for each in told}) == 1
    ids.append(client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=1)))
    again = _wait_for_totals(edge, 3)[2]
    assert (again["hour"], again["events"]) == ("2026-03-01T07:00:00Z", 2)
    assert again["digest"] == f"{ids_digest([ids[2], ids[4]]):016x}", (
        "the ids of before are forgotten, not their digest"
    )


def test_events_that_the_server_lost_are_named(edge: Edge, connect: Connect) -> None:
    complaints: list[str] = []
    client = connect(edge.url, on_error=complaints.append)
    edge.otherwise = judge("differs", missing=[{"id": "b", "reason": "unknown"}])
    for id in ("a", "b"):
        client.record("llm.completion", "acme", TOKENS, id=id, time=START - timedelta(hours=2))
    assert client.flush(10)
    _wait_for_totals(edge, 1)
    _wait(lambda: bool(complaints))
    (asked,) = edge.sent("/api/control-totals/events")
    assert asked.document["ids"] == ["a", "b"]
    assert "through" not in asked.document
    assert complaints == ["the server has not 1 events that it had taken, like b"]
    (missing,) = client.missing_events()
    assert (missing.id, missing.reason, missing.hour) == ("b", "unknown", START - timedelta(hours=2))


def test_dead_events_are_counted_and_are_no_news(edge: Edge, connect: Connect) -> None:
    complaints: list[str] = []
    edge.script = [Answer(200, receipt([], rejected=1, results=[{"index": 0, "status": "rejected"}]))]
    edge.otherwise = judge("differs", missing=[{"id": "a", "reason": "rejected"}])
    client = connect(edge.url, on_error=complaints.append)
    client.record("llm.completion", "acme", TOKENS, id="a", time=START - timedelta(hours=2))
    assert client.flush(10)
    (told,) = _wait_for_totals(edge, 1)
    assert told["events"] == 1
    _wait(lambda: bool(edge.sent("/api/control-totals/events")))
    assert edge.sent("/api/control-totals/events")[0].document["ids"] == ["a"]
    assert client.missing_events() == []
    assert complaints == ["1 of 1 events died: rejected"]


def test_ids_are_listed_in_stretches(edge: Edge, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autorisen.client.tell_totals.IDS_LIMIT", 2)
    edge.otherwise = judge("differs")
    client = connect(edge.url)
    for id in ("é", "b", "a", "z", "c"):
        client.record("llm.completion", "acme", TOKENS, id=id, time=START - timedelta(hours=2))
    assert client.flush(10)
    _wait(lambda: len(edge.sent("/api/control-totals/events")) == 3)
    asked = [request.document for request in edge.sent("/api/control-totals/events")]
    assert [(each["after"], each["ids"], each.get("through")) for each in asked] == [
        ("", ["a", "b"], "b"),
        ("b", ["c", "z"], "z"),
        ("z", ["é"], None),
    ]


@pytest.mark.parametrize(
    "answer",
    [Answer(500, {}), Answer(200, {}), Answer(200, {"totals": []}), Answer(200, b"<html>")],
    ids=["broken", "empty", "others", "page"],
)
def test_control_totals_without_a_verdict_are_told_again(edge: Edge, connect: Connect, answer: Answer) -> None:
    edge.otherwise = lambda request: Answer(200, receipt(request.document)) if len(request.path) == 11 else answer
    client = connect(edge.url)
    client.record("llm.completion", "acme", TOKENS, time=START - timedelta(hours=2))
    assert client.flush(10)
    _wait(lambda: bool(edge.sent("/api/control-totals")))
    client.close()
    edge.otherwise = judge("matches")
    connect(edge.url)
    first, second = _wait_for_totals(edge, 2)[:2]
    assert first == second


def _wait(happened: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not happened():  # noqa: ASYNC110 -- another thread makes it so
            await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(wait(), 10))


def _wait_for_totals(edge: Edge, count: int) -> list[Any]:
    """The first totals that were told, one by one."""

    def told() -> list[Any]:
        return [total for request in edge.sent("/api/control-totals") for total in request.document.get("totals", [])]

    _wait(lambda: len(told()) >= count)
    return told()


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
