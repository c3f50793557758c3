"""A test event from the browser: as the form stands it is accepted; what is refused says why and loses nothing."""

from __future__ import annotations

import re
from html import unescape

import httpx

from autorisen.metering.desk.try_page import curl_call, example_data, python_call
from tests.factories.metering import METERS, usage
from tests.metering.desk.conftest import Desks

PATH = "/app/events/test"


def form_of(page: str) -> dict[str, str]:
    values = dict(re.findall(r'<input class="input" id="f-\w+" name="(\w+)" type="text" value="([^"]*)"', page))
    data = re.search(r'<textarea[^>]*name="data"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert data is not None
    return {name: unescape(value) for name, value in values.items()} | {"data": unescape(data[1])}


async def send(browser: httpx.AsyncClient, **changes: str) -> httpx.Response:
    form = form_of((await browser.get(f"{PATH}?type=llm.completion")).text)
    return await browser.post(PATH, data=form | changes)


async def test_the_form_works_as_it_stands_and_shows_the_receipt(desks: Desks) -> None:
    answer = await send(desks.acme)
    assert answer.status_code == 303
    page = (await desks.acme.get(answer.headers["location"])).text
    assert "Accepted" in page
    assert "Receipt" in page
    assert "100 tokens" in page
    headers = desks.tenants["acme"].headers
    assert (await usage(desks.program, headers))["llm.input_tokens"] == ("100", 1)
    default = form_of((await desks.acme.get(PATH)).text)
    assert default["type"] == "agent.execution"
    assert (await desks.acme.post(PATH, data=default)).status_code == 303
    again = await desks.acme.post(PATH, data=default)
    assert "Duplicate" in (await desks.acme.get(again.headers["location"])).text
    assert (await usage(desks.program, headers))["agent.execution"] == ("1", 1)


async def test_what_is_refused_says_why_and_keeps_what_was_typed(desks: Desks) -> None:
    for changes, said in (
        ({"data": "{"}, "This is not JSON"),
        ({"data": "[]"}, "/data must be a JSON object"),
        ({"data": '{"input_tokens": -1, "output_tokens": 1}'}, "must be a number from 0"),
        ({"time": "soon"}, "/time must be an RFC 3339 time"),
        ({"type": ""}, "/type must be a text"),
    ):
        answer = await send(desks.acme, **changes)
        assert answer.status_code == 422, changes
        assert said in unescape(answer.text), changes
        assert 'aria-invalid="true"' in answer.text
    first = form_of((await desks.acme.get(f"{PATH}?type=llm.completion")).text)
    await desks.acme.post(PATH, data=first)
    other = await desks.acme.post(PATH, data=first | {"data": '{"input_tokens": 1, "output_tokens": 1}'})
    assert other.status_code == 422
    assert "used for other content" in other.text


async def test_it_is_for_members(desks: Desks) -> None:
    assert (await desks.operator.get(PATH)).status_code == 403
    assert (await desks.operator.post(PATH, data={})).status_code == 403
    odd = await desks.acme.get(f"{PATH}?type=<b>%00'x")
    assert odd.status_code == 200
    assert "<b>" not in odd.text


def test_snippets_quote_what_they_carry() -> None:
    call = curl_call("http://127.0.0.1:8000", "it's", "a.b", "1", "{}")
    assert "it'\\''s" in call
    assert '"it\'s"' in python_call("http://127.0.0.1:8000", "it's", "a.b", "{}")
    assert example_data("llm.completion", METERS) == '{"input_tokens": 100, "output_tokens": 100}'
    assert example_data("agent.execution", METERS) == '{"note": "a test"}'
