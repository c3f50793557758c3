"""Bodies of requests are bounded while they arrive, plain and compressed."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from autorisen.kit.problems import BodyTooLarge, MalformedBody, Unavailable, UnsupportedMediaType
from autorisen.kit.read_body import read_body

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes], bytes]
COMPRESS: dict[str, Compress] = {"gzip": gzip.compress, "zstd": zstd.compress, "identity": bytes}


def request(content: bytes, *encodings: str, piece: int = 65_536, length: int | None = None) -> Request:
    """A request whose body arrives in pieces."""
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]

    async def receive() -> Message:
        return {"type": "http.request", "body": pieces.pop(0) if pieces else b"", "more_body": bool(pieces)}

    headers = [(b"content-encoding", each.encode()) for each in encodings]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return Request({"type": "http", "headers": headers}, receive)


@given(content=st.binary(max_size=300), encoding=st.sampled_from(sorted(COMPRESS)), piece=st.integers(1, 40))
async def test_what_was_sent_is_read(content: bytes, encoding: str, piece: int) -> None:
    """Goal: in whatever pieces it arrives, and also where it fills the limit to the byte."""
    sent = COMPRESS[encoding](content)
    limit = max(len(content), len(sent))
    assert await read_body(request(sent, encoding, piece=piece), limit=limit) == content


@pytest.mark.parametrize("encoding", COMPRESS)
async def test_one_byte_beyond_the_limit_is_too_large(encoding: str) -> None:
    sent = COMPRESS[encoding](bytes(5_001))
    assert await read_body(request(sent, encoding), limit=5_001) == bytes(5_001)
    with pytest.raises(BodyTooLarge) as caught:
        await read_body(request(sent, encoding), limit=5_000)
    assert caught.value.members == {"limit_bytes": 5_000}


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_takes_no_memory(encoding: str) -> None:
    """Goal: 200 MB in 200 kB or less are refused after a little more than the limit."""
    bomb = COMPRESS[encoding](bytes(200_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            await read_body(request(bomb, encoding), limit=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


async def test_an_announced_length_is_refused_before_the_first_byte() -> None:
    unread = request(b"x" * 100, length=11)
    with pytest.raises(BodyTooLarge):
        await read_body(unread, limit=10)
    assert await unread.body() == b"x" * 100


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("piece", [1, 1_000])
async def test_what_follows_the_end_is_refused(encoding: str, piece: int) -> None:
    twice = COMPRESS[encoding](b"[") + COMPRESS[encoding](b"]")
    with pytest.raises(MalformedBody, match="something follows"):
        await read_body(request(twice, encoding, piece=piece), limit=1_000)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_what_ends_early_is_refused(encoding: str) -> None:
    whole = COMPRESS[encoding](b"an event" * 10)
    for size in range(len(whole)):
        with pytest.raises(MalformedBody):
            await read_body(request(whole[:size], encoding), limit=1_000)


@pytest.mark.parametrize("encodings", [("br",), ("gzip, gzip",), ("gzip", "gzip"), ("gzip;q=1",), ("*",)])
async def test_other_encodings_name_what_is_accepted(encodings: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        await read_body(request(b"", *encodings), limit=10)
    assert caught.value.headers["Accept-Encoding"] == "gzip, zstd, identity"


async def test_each_piece_may_be_refused() -> None:
    """Goal: who keeps count of memory hears of unpacked bytes, and can say no."""
    taken: list[int] = []

    def take(size: int) -> None:
        taken.append(size)
        if sum(taken) > 100_000:
            raise Unavailable("no more room")

    sent = gzip.compress(bytes(300_000), 0)
    with pytest.raises(Unavailable):
        await read_body(request(sent, "gzip"), limit=1_000_000, take=take)
    assert 100_000 < sum(taken) < 300_000
