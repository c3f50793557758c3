"""Parquet as lines of JSON: numbers as they are, decimals and 64-bit integers to the last digit, times as RFC 3339.

A float becomes the shortest decimal text that names it (0.1 stays 0.1); NaN and the infinities become absent, as
nulls do. `read_file` imports this file when it meets the first Parquet file: who has none never loads the reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from arro3.io import read_parquet, write_ndjson

from autorisen.metering.errors import InvalidBackfill

_MAGIC = b"PAR1"
_ROWS = 8_192


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns. Raises `InvalidBackfill`."""
    with _readable(path):
        return list(read_parquet(path, batch_size=_ROWS).schema.names)


def count_rows(path: Path) -> int:
    """Read all of it once, so that a damaged file is known before anything is stored."""
    with _readable(path):
        return sum(batch.num_rows for batch in read_parquet(path, batch_size=_ROWS))


def parquet_lines(path: Path) -> Iterator[bytes]:
    """Each row as one line of JSON. Raises `InvalidBackfill`."""
    with _readable(path):
        for batch in read_parquet(path, batch_size=_ROWS):
            lines = BytesIO()
            write_ndjson(batch, lines)
            lines.seek(0)
            yield from lines


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        _check_ends(path)
        yield
    except (OSError, GeneratorExit, KeyboardInterrupt, SystemExit, InvalidBackfill):
        raise
    except BaseException as error:
        # The reader panics on some damaged files, which is no Exception, and raises bare Exceptions on others.
        reason = str(error).splitlines()[0][:200]
        raise InvalidBackfill(f"{path.name} can't be read as Parquet: {reason}") from None


def _check_ends(path: Path) -> None:
    """The cheap signs of a file that is cut off or something else, before the reader sees it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
    if head != _MAGIC or tail[4:] != _MAGIC or int.from_bytes(tail[:4], "little") > size - 12:
        raise InvalidBackfill(f"{path.name} is no Parquet file, or is cut off: copy it again")
