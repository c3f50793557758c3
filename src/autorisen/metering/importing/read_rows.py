"""CSV and JSONL files, plain or gzip, row by row as CloudEvents in the making."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from autorisen.kit.problems import FieldError
from autorisen.metering.decode import read_event, read_json
from autorisen.metering.errors import InvalidImport
from autorisen.metering.importing.model import ImportOptions
from autorisen.metering.model import Event, Rejection

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileFacts:
    """Digest of the uncompressed content, and how many lines it has: for the ids and the progress bar."""

    digest: bytes
    lines: int


def is_jsonl(path: Path) -> bool:
    """By the name: `.jsonl`, `.ndjson` or one of them with `.gz` are JSONL, everything else is CSV."""
    return path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def file_facts(path: Path) -> FileFacts:
    """Read the file once. Raises `InvalidImport` when it can't be read."""
    digest, lines, last = blake2b(digest_size=16), 0, b"\n"
    with _readable(path), _open(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return FileFacts(digest.digest(), lines + (last != b"\n"))


def read_rows(path: Path, options: ImportOptions, facts: FileFacts) -> Iterator[Event | Rejection]:
    """The rows of the file as events, or as rejections with the rule they break. Ids come from content and row number.

    Raises `InvalidImport` for what is wrong with the file as a whole.
    """
    rows = _jsonl_rows(path, options) if is_jsonl(path) else _csv_rows(path, options)
    prefix = facts.digest.hex()[:16]
    first: datetime | None = None
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            yield read_event(row)
            continue
        row.setdefault("id", f"{prefix}-{number:09}")
        time = _time(row.get("time"), options) if options.moves_time or not is_jsonl(path) else None
        if time is not None:
            first = first or time
            row["time"] = options.place(time, first).isoformat()
        yield read_event(row)


def _csv_rows(path: Path, options: ImportOptions) -> Iterator[dict[str, Any]]:
    with _readable(path), _open(path) as file:
        reader = csv.reader(_text(file))
        header = next(reader, [])
        places = {attribute: _place(header, column) for attribute, column in options.columns.items()}
        for cells in reader:
            if not cells:
                continue
            row: dict[str, Any] = _constants(options) | {"data": {}}
            for attribute, place in places.items():
                value = cells[place].strip() if place < len(cells) else ""
                if not value:
                    continue
                if attribute.startswith("data."):
                    row["data"][attribute.removeprefix("data.")] = _value(value)
                else:
                    row[attribute] = value
            yield row


def _place(header: list[str], column: str) -> int:
    names = [name.strip() for name in header]
    if column not in names:
        rule = f"is no column of the file; it has {', '.join(names) or 'none'}"
        raise InvalidImport(f"{column} {rule}", errors=[FieldError(f"map/{column}", rule)])
    return names.index(column)


def _jsonl_rows(path: Path, options: ImportOptions) -> Iterator[object]:
    with _readable(path), _open(path) as file:
        for line in file:
            if not line.strip():
                continue
            row = read_json(line)
            yield _constants(options) | row if isinstance(row, dict) else row


def _constants(options: ImportOptions) -> dict[str, Any]:
    constants = {"specversion": "1.0", "type": options.type, "source": options.source, "subject": options.subject}
    return {name: value for name, value in constants.items() if value is not None}


def _value(text: str) -> object:
    if not _NUMBER.fullmatch(text) or len(text) > 64:
        return text
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def _time(value: object, options: ImportOptions) -> datetime | None:
    """The time of a row in UTC; one without an offset is in the zone of the options. None: left to the event's rule."""
    try:
        time = datetime.fromisoformat(str(value))
        if time.tzinfo is None:
            time = time.replace(tzinfo=ZoneInfo(options.time_zone))
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]  # GzipFile reads bytes


def _text(file: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(file):
        yield line.decode("utf-8-sig" if number == 0 else "utf-8")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InvalidImport(f"there is no file {path.name}") from None
    except UnicodeDecodeError:
        raise InvalidImport(f"{path.name} is not UTF-8") from None
    except (OSError, EOFError, csv.Error, json.JSONDecodeError) as error:
        raise InvalidImport(f"{path.name} can't be read: {error}") from None
