"""The operator's question what past months would have cost: asked in batches, with progress, table and chart."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from autorisen import catalog
from autorisen.console import what_if_page
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_user, sign_in
from tests.factories.billing import Shop

HERE = "/console/catalog/what-if"
DEARER = catalog.shipped_catalog().replace('amount = "529.00"', 'amount = "629.00"')


@pytest.fixture
async def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    shop = Shop(runtime, worker, client, clock)
    async with runtime.unit() as unit:
        await make_user(unit, email="op@op.example", operator=True)
    await sign_in(client, runtime, "op@op.example")
    return shop


async def _months(shop: Shop, *keys: str) -> None:
    for key in keys:
        await shop.upgrade(await shop.customer(key))
    await shop.advance(days=31, hours=2)
    await sign_in(shop.client, shop.runtime, "op@op.example")


def _hidden(page: str) -> dict[str, str]:
    """The fields that the page sends by itself to go on."""
    form = page[page.index("hx-trigger") : page.index("</form>", page.index("hx-trigger"))]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    text = form.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]
    return {name: unescape(value) for name, value in fields.items()} | {"catalog": unescape(text)}


async def test_the_question_is_there_with_an_example(shop: Shop) -> None:
    page = (await shop.client.get(HERE)).text
    assert "Show who would pay what" in page
    assert "[[plan]]" in page
    assert HERE in (await shop.client.get("/console/catalog")).text


async def test_who_would_pay_more_as_table_and_chart(shop: Shop) -> None:
    await _months(shop, "acme")
    page = (await shop.client.post(HERE, data={"catalog": DEARER, "months": "3"})).text.replace("\u00a0", "")
    for text in ("R529,00", "R629,00", "+R100,00", "+18,9%", "5 to 20 % more: 1 customer", "Acme"):
        assert text in page, text
    assert "Counting" not in page
    assert "Whose bill would change" in page
    assert page.count('<progress class="bar bar-warning"') == page.count("<progress") == 1, "no bar where nobody is"
    same = (await shop.client.post(HERE, data={"catalog": catalog.shipped_catalog(), "months": "3"})).text
    assert "No bill would change." in same


async def test_many_customers_are_counted_in_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await _months(shop, "acme", "bolt", "cove")
    whole = (await shop.client.post(HERE, data={"catalog": DEARER, "months": "3"})).text
    monkeypatch.setattr(what_if_page, "CUSTOMERS_AT_ONCE", 2)
    first = (await shop.client.post(HERE, data={"catalog": DEARER, "months": "3"})).text
    assert "2 of 3 customers" in first
    last = await shop.client.post(HERE, data=_hidden(first), headers={"HX-Request": "true"})
    assert "<html" not in last.text
    begin = whole.index('<div id="outcome"')
    assert last.text.strip() in whole[begin:]


async def test_some_customers_and_months_before_a_day(shop: Shop) -> None:
    await _months(shop, "acme", "bolt")
    ask = {"catalog": DEARER, "months": "3"}
    some = (await shop.client.post(HERE, data=ask | {"customers": "bolt,\nbolt"})).text
    assert "Bolt" in some
    assert "Acme" not in some
    assert ">bolt,\nbolt</textarea>" in some
    # The form has days; the page itself goes on with instants.
    assert "Acme" in (await shop.client.post(HERE, data=ask | {"until": shop.clock.now().isoformat()})).text
    before = (await shop.client.post(HERE, data=ask | {"until": "2026-02-01"})).text
    assert "No period ended in this time" in before
    assert 'value="2026-02-01"' in before


async def test_without_periods_it_says_so(shop: Shop) -> None:
    await shop.customer()
    page = (await shop.client.post(HERE, data={"catalog": DEARER, "months": "1"})).text
    assert "No period ended in this time" in page


async def test_a_plan_that_is_gone_is_said(shop: Shop) -> None:
    await _months(shop, "acme")
    gone = DEARER.replace('key = "pro"', 'key = "other"')
    assert "does not sell the plan of 1" in (await shop.client.post(HERE, data={"catalog": gone, "months": "3"})).text


@pytest.mark.parametrize(
    "change, text",
    [
        ({"months": "99"}, "/months"),
        ({"catalog": "[[plan]]"}, "/plan"),
        ({"catalog": "'"}, "must be TOML"),
        ({"until": "soon"}, "Must be a date, such as 2026-03-01"),
        ({"until": "2999-01-01"}, "not in the future"),
        ({"customers": "nobody"}, "nobody is not"),
        ({"customers": " ".join(f"c{number}" for number in range(1_001))}, "must be 1,000 at most"),
        ({"after": "{after}", "so_far": "[]"}, "/so_far"),
        ({"after": "{after}", "so_far": "x"}, "/so_far"),
        ({"after": "{after}", "so_far": '[{"currency": "XXX"}]'}, "/so_far"),
        ({"after": "{after}", "so_far": '[{"currency": "ZAR", "buckets": [1]}]'}, "/so_far"),
        ({"after": "{after}", "so_far": '[{"currency": "ZAR"}]', "done": "-1"}, "/so_far"),
        ({"after": "{after}", "so_far": '[{"currency": "ZAR"}]', "total": "x"}, "/so_far"),
    ],
)
async def test_a_wrong_question_says_what_is_wrong(shop: Shop, change: dict[str, str], text: str) -> None:
    customer = await shop.customer()
    form = {"catalog": DEARER, "months": "3"} | {
        name: value.replace("{after}", customer.public_id) for name, value in change.items()
    }
    answer = await shop.client.post(HERE, data=form)
    assert answer.status_code == 422
    assert text in answer.text


async def test_many_broken_rules_are_cut(shop: Shop) -> None:
    text = "\n".join("[[plan]]" for _ in range(12))
    answer = await shop.client.post(HERE, data={"catalog": text, "months": "3"})
    assert re.search(r"And \d+ more\.", answer.text)
