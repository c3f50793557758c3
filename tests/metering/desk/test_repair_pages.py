"""People mend what does not count: by forms without JavaScript, each their own."""

from __future__ import annotations

import re
from html import unescape

from autorisen.accounts import audit_log
from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, MeterDefinition, apply_meters
from tests.factories.metering import METERS, llm_event, send, usage
from tests.metering.desk.conftest import Desks

WHY = "their clock was wrong"


def first(page: str, prefix: str) -> str:
    found = re.search(rf"{prefix}_\w{{26}}", page)
    assert found is not None, page
    return found[0]


def form_body(page: str) -> str:
    found = re.search(r'<textarea[^>]*name="body"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return unescape(found[1])


async def test_a_rejected_event_is_mended_in_the_browser(desks: Desks, runtime: Runtime) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("late", tokens="12345678901234567.25", time="yesterday")])
    rejection = first((await desks.acme.get("/app/events/rejected")).text, "rej")
    address = f"/app/events/rejected/{rejection}"
    page = (await desks.acme.get(address)).text
    assert "must be an RFC 3339 time" in page
    body = form_body(page)
    again = await desks.acme.post(f"{address}/replay", data={"body": body.replace("\n", "\r\n"), "reason": WHY})
    assert again.status_code == 422
    assert "The event breaks a rule: /time must be" in again.text
    assert WHY in again.text, "what was typed stays"
    for odd, said in ((body[:-2], "The event is not JSON"), ("[]", "must be a JSON object")):
        answer = await desks.acme.post(f"{address}/replay", data={"body": odd, "reason": WHY})
        assert answer.status_code in (400, 422)
        assert said in answer.text
    assert (await desks.acme.post(f"{address}/replay", data={"body": body, "reason": ""})).status_code == 422
    mended = body.replace("yesterday", "2026-03-01T07:00:00Z").replace('"12345678901234567.25"', "12345678901234567.25")
    answer = await desks.acme.post(f"{address}/replay", data={"body": mended, "reason": WHY})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    page = (await desks.acme.get(address)).text
    assert "What became of it" in page
    assert "As it was corrected" in page
    became = re.search(r'href="(/app/events/event\?[^"]*)"', page)
    assert became is not None
    assert "Receipt" in (await desks.acme.get(unescape(became[1]))).text
    assert (await usage(desks.program, headers))["llm.input_tokens"] == ("12345678901234567.25", 1)
    assert (await desks.acme.post(f"{address}/replay", data={"body": mended, "reason": WHY})).status_code == 409
    async with runtime.database.read() as tx:
        (entry,) = await audit_log(tx, target=rejection)
    assert entry.actor == desks.tenants["acme"].user.public_id
    assert rejection in (await desks.acme.get("/app/events/rejected?status=replayed")).text
    assert rejection in (await desks.acme.get("/app/events/rejected?id=late")).text
    assert "Nothing was refused under that id" in (await desks.acme.get("/app/events/rejected?id=x")).text
    assert "None is discarded" in (await desks.acme.get("/app/events/rejected?status=discarded")).text


async def test_a_rejected_event_is_discarded(desks: Desks) -> None:
    await send(desks.program, desks.tenants["acme"].headers, [{"specversion": "1.0"}])
    page = (await desks.operator.get("/console/events/rejected")).text
    assert "without an id" in page
    address = f"/console/events/rejected/{first(page, 'rej')}"
    assert (await desks.operator.post(f"{address}/discard", data={"reason": " "})).status_code == 422
    assert (await desks.operator.post(f"{address}/discard", data={"reason": WHY})).status_code == 303
    assert "Discarded" in (await desks.operator.get(address)).text


async def test_a_whole_rule_is_replayed_by_the_operator(desks: Desks, runtime: Runtime) -> None:
    meter = MeterDefinition("pages", "Pages", "pages", "scan", Aggregation.SUM, ("pages",))
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, meter])
    for key, tenant in desks.tenants.items():
        await send(desks.program, tenant.headers, [llm_event("s", subject=key, type="scan", data={"pages": "x"})])
    assert "Replay all" in (await desks.zulu.get("/app/events/rejected")).text
    form = {"field": "/data/pages", "rule": "must be a number from 0 to below 10^18 with at most 12 decimals"}
    refused = await desks.operator.post("/console/events/rejected/replay", data=form | {"reason": ""})
    assert refused.status_code == 422
    async with runtime.unit() as unit:
        await apply_meters(unit, [*METERS, MeterDefinition("pages", "Pages", "scans", "scan", Aggregation.COUNT)])
    answer = await desks.zulu.post("/app/events/rejected/replay", data=form | {"reason": WHY})
    assert answer.headers["location"] == "/app/events/rejected"
    assert "1 replayed, 0 still refused." in (await desks.zulu.get("/app/events/rejected")).text
    answer = await desks.operator.post("/console/events/rejected/replay", data=form | {"reason": WHY})
    assert "1 replayed" in (await desks.operator.get("/console/events/rejected")).text
    for key, tenant in desks.tenants.items():
        assert (await usage(desks.program, tenant.headers))["pages"] == ("1", 1), key


async def test_a_conflict_is_decided(desks: Desks) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("c", tokens=10)])
    await send(desks.program, headers, [llm_event("c", tokens=11, traceparent="00-<b>", time=None)])
    page = (await desks.acme.get("/app/events/conflicts")).text
    address = f"/app/events/conflicts/{first(page, 'cnf')}"
    page = (await desks.acme.get(address)).text
    for expected in (
        '<del class="diff-kept">10</del>',
        '<ins class="diff-sent">11</ins>',
        "00-&lt;b&gt;",
        "on arrival",
    ):
        assert expected in page
    assert (await desks.acme.post(f"{address}/dismiss", data={"reason": ""})).status_code == 422
    assert (await desks.acme.post(f"{address}/dismiss", data={"reason": WHY})).status_code == 303
    assert WHY in (await desks.acme.get(address)).text
    assert "c" in (await desks.acme.get("/app/events/conflicts?status=dismissed")).text
    assert "Conflicts under the id" in (await desks.acme.get("/app/events/conflicts?id=c")).text
    assert "No conflict under that id" in (await desks.acme.get("/app/events/conflicts?id=d")).text
    assert "None is amended" in (await desks.acme.get("/app/events/conflicts?status=amended")).text


async def test_a_conflict_is_taken_by_the_operator_alone(desks: Desks) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("c", tokens=10)])
    await send(desks.program, headers, [llm_event("c", tokens=11, time=None)])
    conflict = first((await desks.operator.get("/console/events/conflicts")).text, "cnf")
    assert "Take the later one" not in (await desks.acme.get(f"/app/events/conflicts/{conflict}")).text
    assert (await desks.acme.post(f"/app/events/conflicts/{conflict}/take", data={"reason": WHY})).status_code == 404
    address = f"/console/events/conflicts/{conflict}"
    assert (await desks.acme.post(f"{address}/take", data={"reason": WHY})).status_code == 403
    assert "Take the later one" in (await desks.operator.get(address)).text
    assert (await desks.operator.post(f"{address}/take", data={"reason": ""})).status_code == 422
    assert (await desks.operator.post(f"{address}/take", data={"reason": WHY})).status_code == 303
    page = (await desks.operator.get(address)).text
    assert "Amended" in page
    assert WHY in page
    assert (await usage(desks.program, headers))["llm.input_tokens"] == ("11", 1)
    counts = unescape(re.findall(r'href="(/console/events/event\?[^"]*)"', page)[0])
    event = (await desks.operator.get(counts)).text
    assert "Corrections" in event
    assert '<td data-label="Quantity" class="num">11 tokens</td>' in event
    assert (await desks.operator.post(f"{address}/take", data={"reason": WHY})).status_code == 409


async def test_nobody_mends_anothers(desks: Desks) -> None:
    headers = desks.tenants["acme"].headers
    await send(desks.program, headers, [llm_event("x", time="never"), llm_event("c"), llm_event("c", tokens=11)])
    rejection = first((await desks.acme.get("/app/events/rejected")).text, "rej")
    conflict = first((await desks.acme.get("/app/events/conflicts")).text, "cnf")
    for path in (f"rejected/{rejection}", f"conflicts/{conflict}"):
        assert (await desks.zulu.get(f"/app/events/{path}")).status_code == 404
        assert (await desks.operator.get(f"/console/events/{path}")).status_code == 200
    for path in (f"rejected/{rejection}/replay", f"rejected/{rejection}/discard", f"conflicts/{conflict}/dismiss"):
        form = {"body": "{}", "reason": WHY}
        assert (await desks.zulu.post(f"/app/events/{path}", data=form)).status_code == 404
        assert (await desks.zulu.post(f"/console/events/{path}", data=form)).status_code == 403
        del desks.acme.headers["X-CSRF-Token"]
        assert (await desks.acme.post(f"/app/events/{path}", data=form)).status_code == 403, "no form of ours"
        desks.acme.headers["X-CSRF-Token"] = "forged"
    assert "Nothing waits" in (await desks.zulu.get("/app/events/rejected")).text
    assert rejection in (await desks.operator.get("/console/events/rejected")).text
