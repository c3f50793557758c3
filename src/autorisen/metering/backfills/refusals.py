"""The rows that do not count, in a file of their own: exact also after a kill."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from autorisen.metering.backfills.model import Refusal
from autorisen.metering.errors import InvalidBackfill

_HEADER = ("row", "id", "status", "reason")


class RefusalFile:
    """A CSV file of refusals. Lines are written before the rows' commit, and those beyond `next_row` are dropped."""

    def __init__(self, path: Path | None, next_row: int) -> None:
        self._path = path
        if path is None:
            return
        kept: list[list[str]] = []
        try:
            if next_row and path.exists():
                with path.open(encoding="utf-8", newline="") as file:
                    kept = [line for line in list(csv.reader(file))[1:] if int(line[0]) <= next_row]
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([_HEADER, *kept])
        except (OSError, ValueError, IndexError) as error:
            raise InvalidBackfill(f"{path.name} can't hold the rejected rows: {error}") from None

    def write(self, refusals: Sequence[Refusal]) -> None:
        if self._path is None or not refusals:
            return
        try:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows((each.row, each.id or "", each.status, each.reason) for each in refusals)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InvalidBackfill(f"{self._path.name} can't hold the rejected rows: {error}") from None
