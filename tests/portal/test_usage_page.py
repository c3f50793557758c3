"""The usage page: numbers, groups, own dates, CSV, the forecast, and what is said of errors."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest

from autorisen import metering
from autorisen.accounts import Customer
from autorisen.metering import Aggregation, Dimension, MeterDefinition
from tests.factories.accounts import sign_in
from tests.factories.billing import Shop
from tests.portal.conftest import Signed

NBSP = "\N{NO-BREAK SPACE}"
GROUPED = [
    MeterDefinition("calls", "Calls", "calls", "call", Aggregation.COUNT, group_by=(Dimension("model", ("model",)),)),
    MeterDefinition(
        "slowest", "Slowest call", "ms", "call", Aggregation.MAX, ("ms",), group_by=(Dimension("model", ("model",)),)
    ),
    MeterDefinition("agent.execution", "Agent executions", "executions", "agent.execution", Aggregation.COUNT),
]
# What a page may ask the database, measured on the page with all of its parts.
STATEMENTS_MAX = 30


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


async def show(shop: Shop, query: str = "", status: int = 200) -> str:
    answer = await shop.client.get(f"/app/usage{query}", headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


async def call(shop: Shop, customer: Customer, models: dict[str, int]) -> None:
    """So many calls of each model."""
    async with shop.runtime.unit() as unit:
        await metering.apply_meters(unit, GROUPED)
        events = [
            metering.new_event(
                {"specversion": "1.0", "id": f"{model}-{n}", "source": "tests", "type": "call", "subject": customer.key,
                 "time": unit.now.isoformat(), "data": {"model": model, "ms": 100 + n} if model else {"ms": 9}}
            )
            for model, count in models.items()
            for n in range(count)
        ]  # fmt: skip
        await metering.ingest(unit, None, events)
    shop.clock.advance(timedelta(minutes=1))


async def test_a_newcomer_learns_what_to_do(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    page = await show(shop)
    assert page.count("None in this time") == 3
    assert f"&#34;subject&#34;: &#34;{customer.key}&#34;" in page
    assert 'href="/app/events/test"' in page
    assert "This period to its end" not in page, "nothing to judge by"
    assert "format=csv" not in page, "nothing to load down"
    assert "None" not in re.sub(r"<[^>]+>|None in this time", "", page)


async def test_own_dates_steps_and_zone(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.use(customer, 7)  # on 1 March 2026, 08:00 UTC
    shop.clock.advance(timedelta(minutes=1))
    page = await show(shop, "?from=2026-02-28&to=2026-03-01&bucket=hour&zone=Asia%2FKolkata")
    assert "28 Feb 2026 to 1 Mar 2026, by hour, on the clock of Asia/Kolkata" in text_of(page)
    assert '<td data-label="Hour" class=" cell-title">1 Mar 2026, 13:00</td>' in page
    assert 'value="2026-02-28"' in page
    assert page.count('aria-current="page"') >= 2
    assert "Own dates" in page
    month = await show(shop, "?range=year")
    assert '<td data-label="Month" class=" cell-title">Mar 2026</td>' in month


@pytest.mark.parametrize(
    "query,said",
    [
        ("?from=soon", "Give a day from the year 2000 on"),
        ("?from=2026-03-01&to=2026-02-01", "The last day is before the first one."),
        ("?range=hours&bucket=minute", f"at most 2{NBSP}000 are shown"),
        ("?zone=Mars%2FBase", "Choose a zone of the list"),
        ("?group_by=%3Cb%3E", "No meter has dimensions."),
        ("?meter=%3Cb%3E", "There is no such meter."),
    ],
)
async def test_what_cannot_be_read_is_said_beside_its_field(shop: Shop, signed: Signed, query: str, said: str) -> None:
    await signed()
    page = await show(shop, query, 422)
    assert said in page
    assert "<b>" not in page
    assert "Start over" in page


async def test_groups_are_drawn_listed_and_lead_to_themselves(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await call(shop, customer, {"large": 6, "small & <fast>": 3, "": 1})
    page = await show(shop, "?group_by=model")
    assert page.count("data-chart ") == 2, "the meter without the dimension does not answer"
    assert '"stacked": true' in page
    assert '"stacked": false' in page
    words = text_of(page)
    assert "large 6 60%" in words
    assert "small & <fast> 3 30%" in words
    assert "without one 1 10%" in words
    assert "105 ms" in words, "the highest of all, not the sum of the highest"
    link = next(each for each in re.findall(r'href="([^"]*where=[^"]*)"', page) if "small" in each)
    page = await show(shop, unescape(link).removeprefix("/app/usage"))
    assert "Only model: small & <fast>" in text_of(page)
    assert "3 calls" in text_of(page)
    assert "102 ms" in text_of(page)
    assert 'name="where"' in page
    none = text_of(await show(shop, "?where=model:"))
    assert "Only model: none" in none
    assert "1 calls" in none


async def test_many_groups_are_put_together_or_left_to_the_csv(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await call(shop, customer, {f"m{n}": n + 1 for n in range(9)})
    words = text_of(await show(shop, "?group_by=model"))
    assert "4 others 10 22%" in words
    assert "4 more are in the CSV" in words


async def test_too_many_numbers_for_a_page_are_refused_with_a_way_on(
    shop: Shop, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await signed()
    await call(shop, customer, {"a": 1, "b": 1})
    monkeypatch.setattr("autorisen.portal.usage_chart.QUANTITIES_MAX", 1)
    page = await show(shop, "?group_by=model", 422)
    assert "That is too much for a page." in page
    assert "Start over" in page


async def test_a_long_table_ends_and_says_so(shop: Shop, signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = await signed()
    monkeypatch.setattr("autorisen.portal.usage.ROWS_SHOWN", 1)
    await shop.use(customer, 1)
    await shop.use(customer, 1, at=shop.clock.now() - timedelta(days=2), prefix="before")
    shop.clock.advance(timedelta(minutes=1))
    assert "1 earlier ones are in the CSV." in text_of(await show(shop))


async def test_the_csv_and_the_call_have_the_numbers_of_the_page(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await call(shop, customer, {"large": 6, "small": 3})
    page = await show(shop, "?group_by=model&meter=calls&bucket=day")
    csv_link = unescape(re.findall(r'href="(/api/usage\?[^"]*format=csv)" download', page)[0])
    answer = await shop.client.get(csv_link)
    assert answer.headers["content-type"].startswith("text/csv")
    used = [line.split(",") for line in answer.text.splitlines()[1:] if not line.endswith(",0")]
    assert [(line[2], line[5]) for line in used] == [("large", "6"), ("small", "3")]
    call_shown = unescape(re.findall(r'id="usage-call">([^<]*)<', page)[0])
    words = shlex.split(call_shown.replace("\\\n", " ").replace("$AUTORISEN_KEY", "key"))
    assert words[:5] == ["curl", "-G", "https://testserver/api/usage", "-H", "Authorization: Bearer key"]
    assert words[6::2] == [f"{name}={text}" for name, text in parse_qsl(csv_link.partition("?")[2])][:-1]


async def test_the_forecast_is_the_average_of_the_last_days_at_todays_prices(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.upgrade(customer)  # 1 March 2026; Pro has 2 000 executions, then R0,25 each
    for day in range(10):
        shop.clock.advance(timedelta(hours=12))
        await shop.use(customer, 140, prefix=f"d{day}")
        shop.clock.advance(timedelta(hours=12))
    await sign_in(shop.client, shop.runtime)
    words = text_of(await show(shop))
    # 10 days at 140, and 21 days at 7 x 140 / 7: 4 340, so 2 340 above at 25 cents on top of R529.
    assert "Agent executions 1 400 above 4 340 2 000" in words
    assert "about R1 114,00" in words
    assert "Cost R529,00" in words
    assert "the average of the last 7 days" in words
    assert "21 days left" in words


async def test_before_a_whole_day_nothing_is_expected(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.use(customer, 3)
    words = text_of(await show(shop))
    assert "What to expect is said once there is a whole day to judge by." in words
    assert "Agent executions 3 \N{EN DASH} 50" in words
    assert "about" not in words


async def test_what_does_not_add_up_is_not_forecast(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await call(shop, customer, {"large": 2})
    await shop.advance(days=2)
    await sign_in(shop.client, shop.runtime)
    words = text_of(await show(shop))
    assert "Slowest call 101 not forecast not priced" in words
    assert "Calls 2 31 not priced" in words


async def test_last_period(shop: Shop, signed: Signed) -> None:
    customer = await signed()
    await shop.use(customer, 4)
    await shop.advance(days=35)
    await sign_in(shop.client, shop.runtime)
    assert "4 executions" in text_of(await show(shop, "?range=last"))
    assert "None in this time" in await show(shop, "?range=period")


async def test_without_meters_the_page_says_so(shop: Shop, signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    await signed()

    async def none(tx: Any) -> list[MeterDefinition]:
        return []

    monkeypatch.setattr("autorisen.portal.usage.metering.meters", none)
    assert "No meters yet" in await show(shop)


async def test_the_page_asks_the_database_so_often(shop: Shop, signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = await signed()
    await call(shop, customer, {"large": 2, "small": 1})
    await shop.advance(days=35)
    await sign_in(shop.client, shop.runtime)
    asked: list[object] = []
    execute = psycopg.AsyncCursor.execute

    async def count(self: Any, query: Any, *values: Any, **options: Any) -> Any:
        asked.append(query)
        return await execute(self, query, *values, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", count)
    await show(shop, "?range=last&group_by=model&bucket=day")
    assert 10 < len(asked) <= STATEMENTS_MAX
