"""Hostile bodies: each one gets a 4xx or is rejected alone, and the good event beside it is stored."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import httpx
import pytest

from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_key, make_tenant
from tests.factories.metering import llm_event, make_meters, usage

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP = {"content-encoding": "gzip"}
ZSTD = {"content-encoding": "zstd"}
CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
WIDE: dict[int, int] = {zstd.CompressionParameter.window_log: 27}


def body(**attributes: Any) -> bytes:
    return json.dumps(llm_event("hostile") | attributes).encode()


def more(**values: Any) -> bytes:
    """An event with more in its data."""
    return body(data={"input_tokens": 10, "output_tokens": 1} | values)


def number(text: str) -> bytes:
    """An event whose prompt tokens are this text, raw."""
    return json.dumps(llm_event("hostile", tokens="NUMBER")).replace('"NUMBER"', text).encode()


def deep(levels: int) -> bytes:
    return body(data="DEEP").replace(b'"DEEP"', b'{"a":' * levels + b"1" + b"}" * levels)


def corrupt(content: bytes, place: int) -> bytes:
    """The same bytes with one of them turned over."""
    changed = bytearray(content)
    changed[place] ^= 0xFF
    return bytes(changed)


def without(name: str) -> bytes:
    event = llm_event("hostile")
    del event[name]
    return json.dumps(event).encode()


# One event that must be rejected alone, and the place that the reason names.
REJECTED: list[tuple[str, bytes, str]] = [
    ("a number instead of an event", b"7", ""),
    ("null instead of an event", b"null", ""),
    ("an array instead of an event", b"[]", ""),
    ("an empty object", b"{}", "/specversion"),
    ("another version", body(specversion="0.3"), "/specversion"),
    ("a version that is a number", body(specversion=1.0), "/specversion"),
    ("no id", without("id"), "/id"),
    ("an empty id", body(id=""), "/id"),
    ("an id that is a number", body(id=17), "/id"),
    ("an id of 257 characters", body(id="x" * 257), "/id"),
    ("NUL in the id", body(id="a\0b"), "/id"),
    ("a line feed in the id", body(id="a\nb"), "/id"),
    ("the separator of the store in the id", body(id="a\x1fb"), "/id"),
    ("a lone surrogate in the id", body(id="\ud800"), "/id"),
    ("a noncharacter in the id", body(id="\ufffe"), "/id"),
    ("no source", without("source"), "/source"),
    ("a source of a megabyte", body(source="s" * 1_000_000), "/source"),
    ("a C1 control in the source", body(source="a\x9fb"), "/source"),
    ("no type", without("type"), "/type"),
    ("a type that is an object", body(type={}), "/type"),
    ("no subject", without("subject"), "/subject"),
    ("NUL in the subject", body(subject="\0"), "/subject"),
    ("somebody else's subject", body(subject="zulu"), "/subject"),
    ("nobody's subject", body(subject="nobody"), "/subject"),
    ("an injection as subject", body(subject="'; DROP TABLE metering.events; --"), "/subject"),
    ("a word as time", body(time="yesterday"), "/time"),
    ("a number as time", body(time=1_700_000_000), "/time"),
    ("a day without a time", body(time="2026-03-01"), "/time"),
    ("a time without an offset", body(time="2026-03-01T00:00:00"), "/time"),
    ("a week date", body(time="2026-W09-1T00:00:00Z"), "/time"),
    ("year 0", body(time="0000-01-01T00:00:00Z"), "/time"),
    ("year 1 in an offset before it", body(time="0001-01-01T00:00:00+14:00"), "/time"),
    ("the last century", body(time="1999-12-31T23:59:59Z"), "/time"),
    ("year 9999", body(time="9999-12-31T23:59:59Z"), "/time"),
    ("year 9999 in an offset after it", body(time="9999-12-31T23:59:59-14:00"), "/time"),
    ("more than a day ahead", body(time="2026-03-02T08:00:01Z"), "/time"),
    ("a leap second", body(time="2016-12-31T23:59:60Z"), "/time"),
    ("February 30", body(time="2026-02-30T00:00:00Z"), "/time"),
    ("an offset of 25 hours", body(time="2026-02-01T00:00:00+25:00"), "/time"),
    ("digits of another script", body(time="\u0662\u0660\u0662\u0666-03-01T00:00:00Z"), "/time"),
    ("data that is a text", body(data="tokens"), "/data"),
    ("data that is an array", body(data=[1]), "/data"),
    ("binary data", body(data_base64="AAAA"), "/data_base64"),
    ("data in XML", body(datacontenttype="text/xml"), "/datacontenttype"),
    ("a content type that is a number", body(datacontenttype=1), "/datacontenttype"),
    ("NUL in a value of data", body(data={"input_tokens": 1, "output_tokens": 1, "model": "a\0"}), "/data"),
    ("NUL in a name of data", body(data={"input_tokens": 1, "output_tokens": 1, "a\0": 1}), "/data"),
    ("a lone surrogate in data", body(data={"input_tokens": 1, "output_tokens": 1, "model": "\udfff"}), "/data"),
    ("300 kB of data", body(data={"input_tokens": 1, "output_tokens": 1, "model": "m" * 300_000}), "/data"),
    ("data 33 deep", deep(33), "/data"),
    ("data 400 deep", deep(400), "/data"),
    ("no value", body(data={"output_tokens": 1}), "/data/input_tokens"),
    ("a value of null", number("null"), "/data/input_tokens"),
    ("a value that is a text", number('"1e1"'), "/data/input_tokens"),
    ("a value that is true", number("true"), "/data/input_tokens"),
    ("a value that is an array", number("[1]"), "/data/input_tokens"),
    ("a negative value", number("-1"), "/data/input_tokens"),
    ("a hardly negative value", number("-0.000000000001"), "/data/input_tokens"),
    ("a value of 10^18", number("1000000000000000000"), "/data/input_tokens"),
    ("a value of 40 digits", number("1" * 40), "/data/input_tokens"),
    ("a value of 13 decimals", number("0.0000000000001"), "/data/input_tokens"),
    ("1e300", number("1e300"), "/data/input_tokens"),
    ("1e400", number("1e400"), "/data"),
    ("1e-400", number("1e-400"), "/data"),
    ("an exponent of 30 digits", number("1e" + "9" * 30), "/data"),
    ("a number of 65 digits", number("1" * 65), "/data"),
    ("a number of 5,000 digits", number("9" * 5_000), "/data"),
    ("a decimal of 5,000 digits", number("0." + "9" * 5_000), "/data"),
    ("an extension in capitals", body(traceParent="x"), "/traceParent"),
    ("an extension with a hyphen", body(**{"x-y": "x"}), "/x-y"),
    ("an extension that is an object", body(ext={}), "/ext"),
    ("an extension that is a decimal", body(ext=1.5), "/ext"),
    ("an extension beyond 32 bits", body(ext=2**31), "/ext"),
    ("NUL in an extension", body(ext="\0"), "/ext"),
    ("a lone surrogate in an extension's name", body(**{"\ud800": "x"}), "/?"),
]

# Bodies that are refused whole.
REFUSED: list[tuple[str, bytes, dict[str, str], int]] = [
    ("nothing", b"", {}, 400),
    ("white space", b" \n", {}, 400),
    ("truncated JSON", body()[:-1], {}, 400),
    ("half an array", b"[" + body() + b",", {}, 400),
    ("two documents", body() + body(), {}, 400),
    ("a text", b'"event"', {}, 400),
    ("a number", b"1", {}, 400),
    ("NaN", number("NaN"), {}, 400),
    ("NaN beside a surrogate", b"[" + number("NaN") + b"," + body(id="\ud800") + b"]", {}, 400),
    ("Infinity", number("-Infinity"), {}, 400),
    ("a leading zero", number("007"), {}, 400),
    ("a plus sign", number("+1"), {}, 400),
    ("a comment", b"// x\n" + body(), {}, 400),
    ("single quotes", b"{'id': 1}", {}, 400),
    ("Latin-1", body(id="X").replace(b"X", b"\xe9"), {}, 400),
    ("an overlong NUL", body(id="X").replace(b"X", b"\xc0\x80"), {}, 400),
    ("a surrogate in UTF-8", body(id="X").replace(b"X", b"\xed\xa0\x80"), {}, 400),
    ("UTF-16", body().decode().encode("utf-16"), {}, 400),
    ("a raw control in a text", body(id="X").replace(b"X", b"\x01"), {}, 400),
    ("100,000 brackets", b"[" * 100_000, {}, 400),
    ("100,000 nested objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, {}, 400),
    ("10,001 events", b"[" + b",".join([b"{}"] * 10_001) + b"]", {}, 413),
    ("100,000 events", b"[" + b",".join([b"{}"] * 100_000) + b"]", {}, 413),
    ("a million empty objects", b"[" + b",".join([b"{}"] * 1_000_000) + b"]", {}, 413),
    ("a million decimals", b"[" + b",".join([b"1.5"] * 1_000_000) + b"]", {}, 413),
    ("six megabytes", body(source="s" * 6_000_000), {}, 413),
    ("a text of ten megabytes", body(data={"prompt": "p" * 10_000_000}), {}, 413),
    ("a mark of byte order", b"\xef\xbb\xbf" + body(), {}, 400),
    ("no content type", body(), {"content-type": ""}, 415),
    ("a form", b"id=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
    ("text", body(), {"content-type": "text/plain"}, 415),
    ("another charset", body(), {"content-type": "application/json; charset=latin1"}, 415),
    ("an unknown encoding", body(), {"content-encoding": "br"}, 415),
    ("deflate, which servers disagree about", zlib.compress(body()), {"content-encoding": "deflate"}, 415),
    ("two encodings", gzip.compress(zstd.compress(body())), {"content-encoding": "zstd, gzip"}, 415),
    ("compressed in secret", gzip.compress(body()), {}, 400),
    ("nothing in gzip", b"", GZIP, 400),
    ("a bomb in gzip", gzip.compress(bytes(200_000_000)), GZIP, 413),
    ("a bomb in gzip that is an event", gzip.compress(body(source="s" * 200_000_000)), GZIP, 413),
    ("a bomb of values in gzip", gzip.compress(b"[" + b",".join([b"{}"] * 1_600_000) + b"]"), GZIP, 413),
    ("a bomb in gzip in gzip", gzip.compress(gzip.compress(bytes(50_000_000))), GZIP, 400),
    ("a plain body that says gzip", body(), GZIP, 400),
    ("zstd that says gzip", zstd.compress(body()), GZIP, 400),
    ("zlib that says gzip", zlib.compress(body()), GZIP, 400),
    ("truncated gzip", gzip.compress(body())[:-1], GZIP, 400),
    ("gzip with a wrong checksum", corrupt(gzip.compress(body()), -8), GZIP, 400),
    ("gzip with a wrong length", corrupt(gzip.compress(body()), -1), GZIP, 400),
    ("gzip that is broken inside", corrupt(gzip.compress(body()), 20), GZIP, 400),
    ("something after the gzip", gzip.compress(body()) + b"more", GZIP, 400),
    ("two members of gzip", gzip.compress(b"[") + gzip.compress(b"]"), GZIP, 400),
    ("nothing in zstd", b"", ZSTD, 400),
    ("a bomb in zstd", zstd.compress(bytes(200_000_000)), ZSTD, 413),
    ("a bomb in zstd that is an event", zstd.compress(body(source="s" * 200_000_000)), ZSTD, 413),
    ("a plain body that says zstd", body(), ZSTD, 400),
    ("gzip that says zstd", gzip.compress(body()), ZSTD, 400),
    ("truncated zstd", zstd.compress(body())[:-1], ZSTD, 400),
    ("zstd with a wrong checksum", corrupt(zstd.compress(body(), options=CHECKED), -1), ZSTD, 400),
    ("something after the zstd", zstd.compress(body()) + b"more", ZSTD, 400),
    ("two frames of zstd", zstd.compress(b"[") + zstd.compress(b"]"), ZSTD, 400),
    ("a zstd window of 128 MiB", zstd.compress(body(source="s" * 9_000_000), options=WIDE), ZSTD, 400),
    ("an array as one event", b"[" + body() + b"]", {"content-type": "application/cloudevents+json"}, 400),
    ("one event as a batch", body(), {"content-type": "application/cloudevents-batch+json"}, 400),
]

# What looks hostile and is fine.
FINE: list[tuple[str, bytes, str]] = [
    (
        "a repeated name: the last one counts",
        body().replace(b'"input_tokens": 10', b'"input_tokens": 5, "input_tokens": 6'),
        "6",
    ),
    ("negative zero", number("-0"), "0"),
    ("negative zero as a decimal", number("-0.0"), "0.0"),
    ("an exponent", number("1.5e3"), "1500"),
    ("a number in quotes", number('"10.50"'), "10.50"),
    ("12 decimals", number("0.000000000001"), "0.000000000001"),
    ("the largest value", number("999999999999999999.999999999999"), "999999999999999999.999999999999"),
    ("nanoseconds", body(time="2026-02-28T23:59:59.999999999Z"), "10"),
    ("an offset over midnight", body(time="2026-03-01T00:30:00+14:00"), "10"),
    ("no time", body(time=None), "10"),
    ("a day ahead", body(time="2026-03-02T08:00:00Z"), "10"),
    ("an id of 256 wide letters", body(id="😀" * 256), "10"),
    ("an escaped backslash before u0000", more(m="\\u0000"), "10"),
    (
        "data 32 deep",
        more(d="D").replace(b'"D"', b"[" * 31 + b"]" * 31),
        "10",
    ),
    ("64 brackets side by side", more(d=[[]] * 64), "10"),
    (
        "a number of 64 digits that no meter reads",
        more(n=int("9" * 64)),
        "10",
    ),
    ("an extension of null", body(ext=None), "10"),
    ("white space around", b" \r\n\t" + body() + b"\n", "10"),
]


@pytest.fixture
async def headers(runtime: Runtime) -> dict[str, str]:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        await make_tenant(unit, "zulu")
        acme = await make_tenant(unit, "acme")
        return await make_key(unit, acme.customer.id)


def test_there_are_enough() -> None:
    assert len(REJECTED) + len(REFUSED) >= 60


async def test_one_bad_event_is_rejected_alone(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Goal: whatever is wrong with one event, the one beside it is stored. One test for all: a house costs a second."""
    for number_, (name, hostile, field) in enumerate(REJECTED):
        good = json.dumps(llm_event(f"good {number_}")).encode()
        answer = await client.post(
            "/api/events",
            content=b"[" + hostile + b"," + good + b"]",
            headers=headers | {"content-type": "application/json"},
        )
        assert answer.status_code == 200, (name, answer.text)
        receipt = answer.json()
        assert (receipt["accepted"], receipt["rejected"]) == (1, 1), (name, receipt)
        assert receipt["results"][0]["index"] == 0, name
        assert receipt["results"][0].get("field", "") == field, (name, receipt)
        assert receipt["results"][0]["reason"], name
    assert (await usage(client, headers))["llm.input_tokens"] == (str(10 * len(REJECTED)), len(REJECTED))


async def test_what_can_not_be_read_is_refused_whole(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for name, hostile, more, status in REFUSED:
        answer = await client.post(
            "/api/events", content=hostile, headers=headers | {"content-type": "application/json"} | more
        )
        assert answer.status_code == status, (name, answer.status_code, answer.text[:300])
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.json()["detail"], name
    assert (await usage(client, headers))["llm.input_tokens"] == ("0", 0)


async def test_what_looks_hostile_and_is_fine(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for number_, (name, content, quantity) in enumerate(FINE):
        own = content.replace(b'"source": "tests"', f'"source": "{number_}"'.encode())
        before = (await usage(client, headers))["llm.input_tokens"]
        answer = await client.post("/api/events", content=own, headers=headers | {"content-type": "application/json"})
        assert answer.status_code == 200, (name, answer.text)
        assert answer.json()["accepted"] == 1, (name, answer.text)
        after = (await usage(client, headers))["llm.input_tokens"]
        assert after[1] - before[1] == 1, name
        assert _minus(after[0], before[0]) == _minus(quantity, "0"), name


def _minus(one: str, other: str) -> Decimal:
    return Context(prec=60).subtract(Decimal(one), Decimal(other))


@pytest.mark.parametrize(
    "encoding, compress",
    [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("zstd", zstd.compress), ("Identity", bytes)],
)
async def test_bodies_may_be_compressed(
    client: httpx.AsyncClient, headers: dict[str, str], encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    """Goal: a compressed batch is read like a plain one, a rejected event in it too."""
    sent = json.dumps([llm_event(str(number)) for number in range(300)] + [{}]).encode()
    more = {"content-type": "application/json", "content-encoding": encoding}
    answer = await client.post("/api/events", content=compress(sent), headers=headers | more)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (300, 1)


async def test_an_unknown_encoding_is_told_what_is_accepted(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    more = {"content-type": "application/json", "content-encoding": "br"}
    answer = await client.post("/api/events", content=body(), headers=headers | more)
    assert answer.headers["accept-encoding"] == "gzip, zstd, identity"
    assert "gzip, zstd, identity" in answer.json()["detail"]


async def test_a_query_is_not_known_there(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/api/events?dry_run=1", json=llm_event("x"), headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query")
