"""No card number is kept: not in a table, not in a log, not in the sources' tables of columns."""

from __future__ import annotations

import re

import httpx
import pytest
from psycopg import sql

from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.payments import ALL_CARDS, a_checkout, a_customer, pay

# Digits in groups as people and databases write numbers; 13 to 19 of them can be a card.
_RUN = re.compile(r"(?<![0-9a-fA-F.:-])\d(?:[ -]?\d){12,18}(?![0-9a-fA-F.:-])")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


def luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def card_numbers(text: str) -> list[str]:
    """What could be a card in a text, ids aside."""
    runs = (re.sub(r"[ -]", "", run) for run in _RUN.findall(_UUID.sub("", text)))
    return [run for run in runs if luhn(run)]


def as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


async def dump(runtime: Runtime) -> str:
    """Every value of every table as text, one line a row."""
    async with runtime.database.read() as tx:
        found = await tx.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
        lines = []
        for schema, table in await found.fetchall():
            rows = await tx.execute(sql.SQL("SELECT t.* FROM {} t").format(sql.Identifier(schema, table)))
            for row in await rows.fetchall():
                values = (
                    bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else value for value in row
                )
                lines.append("\t".join(str(value) for value in values))
    return "\n".join(lines)


def test_the_scan_can_find_a_card() -> None:
    for number in ALL_CARDS:
        digits = number.replace(" ", "")
        assert card_numbers(f"a {number} b") == [digits]
        assert card_numbers(f'{{"n":"{digits}"}}') == [digits]
    assert card_numbers("4242424242424241") == []


async def test_after_all_cards_were_used_no_number_is_anywhere(
    runtime: Runtime, client: httpx.AsyncClient, worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    customer_id = await a_customer(runtime)
    pages = []
    for place, number in enumerate(ALL_CARDS):
        for spelling in (number, number.replace(" ", ""), number.replace(" ", "-"), number[:-1] + "9"):
            checkout = await a_checkout(runtime, customer_id, f"order:{place}:{spelling[4:6]}{len(spelling)}")
            answer = await pay(client, checkout, spelling)
            pages.append(answer.text if answer.status_code != 303 else "")
    await worker.drain()
    text = await dump(runtime)
    assert text.count("visa") >= 6, "the dump holds what it should"
    assert card_numbers(text) == []
    printed = capsys.readouterr()
    assert card_numbers(printed.out + printed.err) == []
    for number in ALL_CARDS:
        assert number.replace(" ", "") not in text + printed.out + printed.err


async def test_no_column_is_made_for_a_number_or_a_code(runtime: Runtime) -> None:
    async with runtime.database.read() as tx:
        found = await tx.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " WHERE column_name ~* '(^|_)(pan|cvc|cvv|card_?number|security_code|track)($|_)'"
        )
        assert await found.fetchall() == []
