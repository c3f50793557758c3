"""The event log: what is found, page by page, by whom, and what one event's receipt says."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest

from autorisen.kit.unit import Runtime
from autorisen.metering import Aggregation, MeterDefinition, apply_meters
from tests.factories.metering import METERS, llm_event, send
from tests.metering.desk.conftest import Desks

PAGES = ("", "/rejected", "/conflicts")


def ids_of(page: str) -> list[str]:
    return re.findall(r'<a class="row-link mono"[^>]*>([^<]*)</a>', page)


def link(page: str, text: str) -> str:
    found = re.search(rf'<a[^>]*href="([^"]*)"[^>]*>{text}', page)
    assert found is not None, page
    return unescape(found[1])


async def test_each_page_is_for_its_people(desks: Desks) -> None:
    for path in (*PAGES, "/event", "/rejected/rej_" + "0" * 26, "/conflicts/cnf_" + "0" * 26):
        assert (await desks.program.get(f"/app/events{path}")).headers["location"].startswith("/login")
        assert (await desks.program.get(f"/console/events{path}")).headers["location"].startswith("/login")
        assert (await desks.acme.get(f"/console/events{path}")).status_code == 403
    assert (await desks.operator.get("/app/events")).status_code == 403, "an operator belongs to no customer"


@pytest.mark.parametrize("path", PAGES)
async def test_empty_lists_teach(desks: Desks, path: str) -> None:
    for base, browser in (("/app/events", desks.acme), ("/console/events", desks.operator)):
        page = (await browser.get(base + path)).text
        assert "No events yet" in page or "Nothing waits" in page or "No conflicts" in page
        assert page.count('aria-current="page"') >= 2, "the navigation and the tabs say where one is"
        assert "None" not in re.sub(r"<[^>]+>|None is", "", page)


async def test_events_are_found_by_what_they_are(desks: Desks) -> None:
    acme, zulu = (desks.tenants[key].headers for key in ("acme", "zulu"))
    await send(desks.program, acme, [llm_event(f"a{n}", time=f"2026-02-0{n + 1}T06:00:00Z") for n in range(5)])
    odd = llm_event("a/b?c=<i>", source="other source", type="odd", time="2026-02-20T06:00:00Z")
    await send(desks.program, acme, odd)
    await send(desks.program, zulu, llm_event("a1", subject="zulu"))
    await send(desks.program, desks.operator_key, [llm_event("a1", source="op"), llm_event("n", subject="nobody")])

    async def found(query: str, console: bool = False) -> list[str]:
        browser, base = (desks.operator, "/console/events") if console else (desks.acme, "/app/events")
        answer = await browser.get(f"{base}?{query}")
        assert answer.status_code == 200
        return ids_of(answer.text)

    assert await found("") == ["a1", "a/b?c=&lt;i&gt;", "a4", "a3", "a2", "a1", "a0"]
    assert await found("id=a1") == ["a1", "a1"], "its own and the one that an operator's key sent for it"
    assert await found("id=a1&source=op") == ["a1"]
    assert await found("type=odd") == ["a/b?c=&lt;i&gt;"]
    assert await found("source=other+source&type=odd") == ["a/b?c=&lt;i&gt;"]
    assert await found("type=nothing") == []
    assert await found("id=n") == []
    # 08:00 on the clock of a customer in Johannesburg is 06:00 UTC: half-open, so the fourth is not in it.
    assert await found("from=2026-02-02T08:00&to=2026-02-04T08:00") == ["a2", "a1"]
    assert await found("id=a2&from=2026-02-02T08:00&to=2026-02-03T08:00") == []
    assert await found("id=%00a1%00") == ["a1", "a1"]
    assert sorted(await found("id=a1", console=True)) == ["a1"] * 3
    assert await found("subject=nobody", console=True) == ["n"]
    page = (await desks.operator.get("/console/events")).text
    assert "Unknown customer" in page
    assert "Zulu" in page
    for odd_time in ("from=soon", "to=2026-13-01T00:00"):
        answer = await desks.acme.get(f"/app/events?{odd_time}")
        assert answer.status_code == 422
        assert "Give a time such as" in answer.text


async def test_pages_follow_each_other_without_gaps(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autorisen.metering.desk.log_page._PAGE_SIZE", 7)
    monkeypatch.setattr("autorisen.metering.eventlog.find_events.LOOKED_AT", 10)
    headers = desks.tenants["acme"].headers
    events = [llm_event(f"e{n:02}", type="llm.completion" if n % 5 else "rare") for n in range(45)]
    await send(desks.program, headers, events)
    for query, count in (("", 45), ("?type=rare", 9), ("?source=tests", 45)):
        seen: list[str] = []
        address = f"/app/events{query}"
        for _ in range(20):
            page = (await desks.acme.get(address)).text
            seen += ids_of(page)
            older = re.search(r'href="([^"]*after=[^"]*)"', page)
            if older is None:
                break
            address = unescape(older[1])
        assert seen == sorted(seen, reverse=True), "all at one time: by id then"
        assert len(seen) == len(set(seen)) == count
    rarer = (await desks.acme.get("/app/events?type=none")).text
    assert "Look further back" in rarer
    assert (await desks.acme.get("/app/events?after=nonsense")).status_code == 422
    assert (await desks.acme.get("/app/events?after=WyJ4IiwieCIsIngiLCJ4Il0=")).status_code == 422
    part = (await desks.acme.get("/app/events?type=rare", headers={"HX-Request": "true"})).text
    assert part.lstrip().startswith('<div id="events"')


async def test_an_event_shows_its_receipt(desks: Desks) -> None:
    headers = desks.tenants["acme"].headers
    body = llm_event("x/1", tokens=7, traceparent="00-ab")
    await send(desks.program, headers, [body, llm_event("y"), llm_event("z", type="unheard-of")])
    await send(desks.program, headers, [llm_event("x/1", tokens=8)])
    page = (await desks.acme.get(link((await desks.acme.get("/app/events?id=x/1")).text, "x/1"))).text
    for expected in ("Input tokens", "7 tokens", "with 2 others", "1 Mar 2026, 10:00", "a key of the customer",
                     "&#34;traceparent&#34;: &#34;00-ab&#34;", "Sent again with other content"):  # fmt: skip
        assert expected in page, expected
    conflict = (await desks.acme.get(link(page, "1 Mar 2026, 10:00"))).text
    assert "/data/input_tokens" in conflict
    unmetered = (await desks.acme.get("/app/events?id=z")).text
    assert "No meter counts this type" in (await desks.acme.get(link(unmetered, "z"))).text


async def test_what_a_meter_can_not_count_says_why(desks: Desks, runtime: Runtime) -> None:
    await send(desks.program, desks.tenants["acme"].headers, [llm_event("p", type="scan", data={"pages": "x"})])
    async with runtime.unit() as unit:
        meter = MeterDefinition("pages", "Pages", "pages", "scan", Aggregation.SUM, ("pages",))
        await apply_meters(unit, [*METERS, meter])
    page = (await desks.acme.get(link((await desks.acme.get("/app/events?id=p")).text, "p"))).text
    assert "nothing: /data/pages must be a number" in page


async def test_nobody_sees_anothers_event(desks: Desks) -> None:
    await send(desks.program, desks.tenants["acme"].headers, llm_event("mine"))
    await send(desks.program, desks.operator_key, llm_event("sent-for-acme", time=None))
    producer = desks.tenants["acme"].customer.public_id
    for by, id in ((producer, "mine"), ("operator", "sent-for-acme")):
        address = f"event?source=tests&id={id}&by={by}"
        assert (await desks.acme.get(f"/app/events/{address}")).status_code == 200
        assert (await desks.operator.get(f"/console/events/{address}")).status_code == 200
        assert (await desks.zulu.get(f"/app/events/{address}")).status_code == 404
    untimed = await desks.acme.get("/app/events/event?source=tests&id=sent-for-acme&by=operator")
    assert "its arrival" in untimed.text
    assert ids_of((await desks.zulu.get("/app/events")).text) == []
    for odd in ("", "source=tests&id=mine&by=nobody", f"source=%00&id=%00&by={producer}", f"source=x&by={producer}"):
        assert (await desks.acme.get(f"/app/events/event?{odd}")).status_code == 404


async def test_an_unclaimed_event_says_what_it_waits_for(desks: Desks) -> None:
    await send(desks.program, desks.operator_key, llm_event("w", subject="new<co>"))
    page = (await desks.operator.get(f"/console/events/event?source=tests&id=w&by={quote('operator')}")).text
    assert "No customer has the key <code>new&lt;co&gt;</code>" in page
