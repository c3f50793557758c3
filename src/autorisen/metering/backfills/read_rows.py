"""Rows of a file as events, or as rejections with the rule they break. Ids come from content and row number."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from autorisen.kit.problems import FieldError
from autorisen.metering.backfills.model import BackfillOptions, is_attribute
from autorisen.metering.backfills.read_file import FileFormat, UsageFile, readable
from autorisen.metering.decode import read_event, read_json
from autorisen.metering.errors import InvalidBackfill
from autorisen.metering.model import Event, Rejection

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_DATA = "data."


def read_rows(file: UsageFile, options: BackfillOptions, start: int = 0) -> Iterator[Event | Rejection]:
    """The rows from number `start` on, counted from 0. Raises `InvalidBackfill` for what is wrong with the file."""
    prefix = file.digest.hex()[:16]
    constants = _constants(options)
    first: datetime | None = None
    for number, sent in enumerate(
        _csv_rows(file, options) if file.format is FileFormat.CSV else _json_rows(file, options)
    ):
        if number < start and (first is not None or not options.moves_time):
            continue
        if not isinstance(sent, dict):
            if number >= start:
                yield read_event(sent)
            continue
        row = constants | sent
        row.setdefault("id", f"{prefix}-{number:09}")
        text = row.get("time")
        # The usual form needs no look: `read_event` takes it as it is.
        if isinstance(text, str) and (options.moves_time or text[-1:] != "Z" or "T" not in text):
            time = _time(text, options)
            if time is not None and options.moves_time:
                first = first or time
                time = options.place(time, first)
            row["time"] = text if time is None else time.isoformat()
        if number >= start:
            yield read_event(row)


def _csv_rows(file: UsageFile, options: BackfillOptions) -> Iterator[dict[str, Any]]:
    with readable(file.path):
        reader = csv.reader(_text(file.lines()))
        header = [name.strip() for name in next(reader, [])]
        columns = _columns(options, header)
        attributes, data = [], []
        for attribute, column in columns.items():
            _refuse_unknown(column, header)
            place = header.index(column)
            if attribute == "data":
                raise InvalidBackfill("--map data=COLUMN needs a column of objects: in CSV, map data.<name> each")
            if attribute.startswith(_DATA):
                data.append((attribute.removeprefix(_DATA), place))
            else:
                attributes.append((attribute, place))
        for cells in reader:
            if not cells:
                continue
            width = len(cells)
            row: dict[str, Any] = {
                name: value for name, place in attributes if place < width and (value := cells[place].strip())
            }
            row["data"] = {
                name: _value(value) for name, place in data if place < width and (value := cells[place].strip())
            }
            yield row


def _json_rows(file: UsageFile, options: BackfillOptions) -> Iterator[object]:
    columns = options.columns
    if file.format is FileFormat.PARQUET:
        names = file.columns()
        columns = _columns(options, names)
        for column in columns.values():
            _refuse_unknown(column, names, column.partition(".")[0])
    for line in file.lines():
        if not line.strip():
            continue
        row = read_json(line)
        yield _mapped(row, columns) if columns and isinstance(row, dict) else row


def _columns(options: BackfillOptions, names: Sequence[str]) -> Mapping[str, str]:
    """The map, or the columns that are named like what they are."""
    return options.columns or {name: name for name in names if is_attribute(name)}


def _refuse_unknown(column: str, names: Sequence[str], top: str | None = None) -> None:
    if column not in names and top not in names:
        rule = f"is no column of the file; it has {', '.join(names) or 'none'}"
        raise InvalidBackfill(f"{column} {rule}", errors=[FieldError(f"map/{column}", rule)])


def _mapped(sent: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """A row of named values as an event. `usage.tokens` finds the value `tokens` inside of the column `usage`."""
    row: dict[str, Any] = {"data": {}}
    named: dict[str, Any] = {}
    for attribute, column in columns.items():
        value: Any = sent.get(column)
        if value is None and "." in column:
            value = sent
            for key in column.split("."):
                value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            continue
        if attribute.startswith(_DATA):
            named[attribute.removeprefix(_DATA)] = value
        else:
            # A customer's number is a name here.
            row[attribute] = str(value) if type(value) is int and attribute != "data" else value
    if named and isinstance(row["data"], dict):
        row["data"] = row["data"] | named
    return row


def _constants(options: BackfillOptions) -> dict[str, Any]:
    constants = {"specversion": "1.0", "type": options.type, "source": options.source, "subject": options.subject}
    return {name: value for name, value in constants.items() if value is not None}


def _value(text: str) -> object:
    if text.isdecimal() and text.isascii() and len(text) < 19 and (text[0] != "0" or text == "0"):
        return int(text)
    if not _NUMBER.fullmatch(text) or len(text) > 64:
        return text
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def _time(value: str, options: BackfillOptions) -> datetime | None:
    """The time of a row in UTC; one without an offset is in the zone of the options. None: left to the event's rule."""
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            time = time.replace(tzinfo=options.zone)
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(lines: Iterator[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield line.decode("utf-8-sig" if number == 0 else "utf-8")
