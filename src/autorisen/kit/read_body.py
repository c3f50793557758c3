"""The body of a request, plain or compressed, bounded while it arrives: a bomb is refused and never unpacked.

Compressed bodies are one gzip member or one zstd frame. The window of a zstd frame is at most 8 MiB, as RFC 9659 has
it: a frame may otherwise ask its reader for gigabytes.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from starlette.requests import Request

from autorisen.kit.problems import BodyTooLarge, MalformedBody, UnsupportedMediaType

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_WINDOW_LOG_MAX = 23
_GZIP_ONLY = 16 + zlib.MAX_WBITS


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def _gzip() -> _Decompressor:
    return zlib.decompressobj(_GZIP_ONLY)


def _zstd() -> _Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor] | None] = {
    "": None,
    "identity": None,
    "gzip": _gzip,
    "x-gzip": _gzip,  # RFC 9110 section 8.4.1.3: the same
    "zstd": _zstd,
}
ACCEPTED = ("gzip", "zstd", "identity")


async def read_body(request: Request, *, limit: int, take: Callable[[int], None] | None = None) -> bytes:
    """The whole body, decompressed as `Content-Encoding` says, of at most `limit` bytes sent and unpacked.

    `take` hears of each stretch of bytes before it is kept, and may refuse it. Raises `BodyTooLarge`, `MalformedBody`
    for what can't be decompressed, `UnsupportedMediaType` for another encoding.
    """
    encoding = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if encoding not in _DECOMPRESSORS:
        named = ", ".join(ACCEPTED)
        raise UnsupportedMediaType(
            f"send the body as one of {named}, and encode it once", headers={"Accept-Encoding": named}
        )
    make = _DECOMPRESSORS[encoding]
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    chunks = _sent(request, limit)
    if make is not None:
        chunks = _unpacked(chunks, make(), encoding, limit)
    kept: list[bytes] = []
    async for chunk in chunks:
        if take is not None:
            take(len(chunk))
        kept.append(chunk)
    return kept[0] if len(kept) == 1 else b"".join(kept)


async def _sent(request: Request, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if chunk:
            yield chunk


async def _unpacked(
    chunks: AsyncIterator[bytes], decompressor: _Decompressor, encoding: str, limit: int
) -> AsyncIterator[bytes]:
    left = limit
    async for chunk in chunks:
        if decompressor.eof:
            raise _trailing(encoding)
        try:
            unpacked = decompressor.decompress(chunk, left + 1)
        except (zlib.error, zstd.ZstdError) as error:
            raise MalformedBody(f"the body is not {encoding}: {error}") from None
        left -= len(unpacked)
        if left < 0:
            raise _too_large(limit)
        if decompressor.unused_data:
            raise _trailing(encoding)
        if unpacked:
            yield unpacked
    if not decompressor.eof:
        raise MalformedBody(f"the {encoding} body ends too early")


def _trailing(encoding: str) -> MalformedBody:
    return MalformedBody(f"something follows the end of the {encoding} body: compress it as one piece")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"send at most {limit:,} bytes in one request, also when unpacked", limit_bytes=limit)
