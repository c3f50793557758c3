"""Files of usage in their formats and compressions, as rows that are not events yet."""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO

from autorisen.metering.errors import InvalidBackfill

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHUNK = 1 << 20


class FileFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_ENDINGS = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
}


@dataclass(frozen=True)
class UsageFile:
    """A file that was read once: the digest of its uncompressed content, and how many rows it seems to have."""

    path: Path
    format: FileFormat
    digest: bytes
    rows: int
    size: int
    changed_ns: int

    @property
    def name(self) -> str:
        return self.path.name

    def columns(self) -> list[str]:
        """The names of the columns of a Parquet file. Raises `InvalidBackfill`."""
        with readable(self.path):
            return list(_parquet().parquet_columns(self.path))

    def lines(self) -> Iterator[bytes]:
        """The lines of CSV or JSONL, the rows of Parquet as JSON. Raises `InvalidBackfill`."""
        with readable(self.path):
            if self.format is FileFormat.PARQUET:
                yield from _parquet().parquet_lines(self.path)
                return
            with _open(self.path) as file:
                yield from file

    def check_unchanged(self) -> None:
        """Raises `InvalidBackfill` when somebody wrote to the file since it was first read."""
        with readable(self.path):
            now = self.path.stat()
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed_ns):
            raise InvalidBackfill(
                f"{self.name} was changed while it was read. Give a copy that nobody writes to; "
                "what was stored so far is listed by `autorisen events backfills` and can be reverted"
            )


def open_file(path: Path, format: str | None = None) -> UsageFile:
    """Read the file once. Its format is told by its name where it is not given. Raises `InvalidBackfill`."""
    kind = FileFormat(format) if format else _format_of(path)
    digest, lines, last = blake2b(digest_size=16), 0, b"\n"
    with readable(path):
        before = path.stat()
        with path.open("rb") if kind is FileFormat.PARQUET else _open(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
        if kind is FileFormat.PARQUET:
            rows = int(_parquet().count_rows(path))
        else:
            rows = max(lines + (last != b"\n") - (kind is FileFormat.CSV), 0)
    return UsageFile(path, kind, digest.digest(), rows, before.st_size, before.st_mtime_ns)


def _parquet() -> ModuleType:
    return import_module("autorisen.metering.backfills.read_parquet")


def _format_of(path: Path) -> FileFormat:
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    for ending, kind in _ENDINGS.items():
        if name.endswith(ending):
            return kind
    raise InvalidBackfill(
        f"{path.name} does not say what it is: name it {', '.join(_ENDINGS)}, or give --format csv, jsonl or parquet"
    )


def _open(path: Path) -> IO[bytes]:
    name = path.name.lower()
    if name.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]  # GzipFile reads bytes
    if name.endswith(".zst"):
        return zstd.open(path, "rb")  # type: ignore[return-value]  # ZstdFile reads bytes too
    return path.open("rb")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever can be wrong with a file as a whole, in one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise InvalidBackfill(f"there is no file {path.name}") from None
    except UnicodeDecodeError:
        raise InvalidBackfill(f"{path.name} is not UTF-8; convert it first, for example with iconv") from None
    except (OSError, EOFError, csv.Error, zstd.ZstdError) as error:
        raise InvalidBackfill(f"{path.name} can't be read: {error}") from None
