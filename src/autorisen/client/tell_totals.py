"""Tell the server how many events each past hour had, and ask which are missing where it has others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Protocol, TypeVar

import httpx
import msgspec

from autorisen.client import store_totals
from autorisen.client.model import MissingEvent, Told, hour_start

IDS_LIMIT = 10_000

Result = TypeVar("Result")


class Run(Protocol):
    """`Spool.run`."""

    def __call__(self, work: Callable[[sqlite3.Connection], Result]) -> Result: ...


class TotalsRefused(Exception):
    """The server does not take control totals: `status` is what it answered."""

    def __init__(self, status: int) -> None:
        super().__init__(f"control totals were answered with {status}")
        self.status = status


class _Judged(msgspec.Struct):
    source: str
    verdict: Literal["matches", "differs"]


class _Answer(msgspec.Struct):
    totals: list[_Judged]


class _Missing(msgspec.Struct):
    id: str
    reason: str


class _Comparison(msgspec.Struct):
    missing: list[_Missing]


def tell_totals(http: httpx.Client, run: Run, this_hour: int) -> list[MissingEvent]:
    """Tell what has not been told. Gives the events that the server had taken and has not; they are kept as missing.

    Killed in between, the same is told again. Raises `TotalsRefused`, `httpx.HTTPError`.
    """
    waiting = run(lambda c: store_totals.unreported_totals(c, this_hour))
    if not waiting:
        return []
    producer = run(store_totals.producer)
    answer = _post(http, "", {"totals": [_document(told, producer) for told in waiting]}, _Answer)
    if [judged.source for judged in answer.totals] != [told.source for told in waiting]:
        raise TotalsRefused(200)
    found: list[MissingEvent] = []
    for told, judged in zip(waiting, answer.totals, strict=True):
        missing: Sequence[MissingEvent] = ()
        if judged.verdict == "differs" and told.is_listed:
            missing = _ask_for_missing(http, run, told, producer)
        run(partial(store_totals.settle_told, told=told, missing=missing, this_hour=this_hour))
        found += missing
    return found


def _document(told: Told, producer: str) -> dict[str, object]:
    document: dict[str, object] = {
        "source": told.source,
        "hour": hour_start(told.hour),
        "producer": producer,
        "events": told.events,
    }
    if told.digest is not None:
        document["digest"] = f"{told.digest % (1 << 64):016x}"
    return document


def _ask_for_missing(http: httpx.Client, run: Run, told: Told, producer: str) -> list[MissingEvent]:
    """List all ids of the hour. Those of dead events are among them, so that the server can name them, too."""
    dead = set(run(lambda c: store_totals.dead_ids(c, told.source, told.hour)))
    found: list[MissingEvent] = []
    after: str | None = ""
    while after is not None:
        ids = run(partial(store_totals.ids_after, told=told, after=after, limit=IDS_LIMIT))
        through = ids[-1] if len(ids) == IDS_LIMIT else None
        body = {"source": told.source, "hour": hour_start(told.hour), "producer": producer, "after": after, "ids": ids}
        comparison = _post(http, "/events", body | ({} if through is None else {"through": through}), _Comparison)
        found += [
            MissingEvent(told.source, hour_start(told.hour), each.id, each.reason)
            for each in comparison.missing
            if each.id not in dead
        ]
        after = through
    return found


def _post(http: httpx.Client, path: str, body: object, kind: type[Result]) -> Result:
    answer = http.post(f"/api/control-totals{path}", content=msgspec.json.encode(body))
    if not answer.is_success:
        raise TotalsRefused(answer.status_code)
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TotalsRefused(answer.status_code) from None
