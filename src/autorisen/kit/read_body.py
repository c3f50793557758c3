"""The body of a request, plain or compressed, bounded while it arrives: a bomb is refused and never unpacked.

Compressed bodies are one gzip member or one zstd frame. The window of a zstd frame is at most 8 MiB, as RFC 9659 has
it: a frame may otherwise ask its reader for gigabytes.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from starlette.requests import ClientDisconnect, Request

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
    unpack = _Unpacking(make(), encoding, limit) if make is not None else None
    kept: list[bytes] = []
    size, more = 0, True
    while more:  # and no generator over the pieces: for a small body it costs as much as the rest
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if unpack is not None and chunk:
            chunk = unpack.piece(chunk)
        if chunk:
            if take is not None:
                take(len(chunk))
            kept.append(chunk)
    if unpack is not None:
        unpack.end()
    return kept[0] if len(kept) == 1 else b"".join(kept)


class _Unpacking:
    """One compressed body on its way, of at most `limit` bytes when unpacked."""

    def __init__(self, decompressor: _Decompressor, encoding: str, limit: int) -> None:
        self._decompressor = decompressor
        self._encoding = encoding
        self._limit = limit
        self._left = limit

    def piece(self, chunk: bytes) -> bytes:
        """What comes out of one piece more."""
        if self._decompressor.eof:
            raise _trailing(self._encoding)
        try:
            unpacked = self._decompressor.decompress(chunk, self._left + 1)
        except (zlib.error, zstd.ZstdError) as error:
            raise MalformedBody(f"the body is not {self._encoding}: {error}") from None
        self._left -= len(unpacked)
        if self._left < 0:
            raise _too_large(self._limit)
        if self._decompressor.unused_data:
            raise _trailing(self._encoding)
        return unpacked

    def end(self) -> None:
        """There are no more pieces."""
        if not self._decompressor.eof:
            raise MalformedBody(f"the {self._encoding} body ends too early")


def _trailing(encoding: str) -> MalformedBody:
    return MalformedBody(f"something follows the end of the {encoding} body: compress it as one piece")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"send at most {limit:,} bytes in one request, also when unpacked", limit_bytes=limit)
