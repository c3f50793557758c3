"""`Client`: record, and ask how things are. `AsyncClient` is a thin coat over it."""

from __future__ import annotations

import atexit
import os
import threading
import time as system_time
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Unpack, cast

import httpx
import msgspec

from autorisen.client import store, store_totals
from autorisen.client.encode_event import check_text, check_time, encode_event
from autorisen.client.errors import ClientClosed
from autorisen.client.ids import Ids
from autorisen.client.model import (
    HOUR_MS,
    ControlTotal,
    DeadLetter,
    Fate,
    MissingEvent,
    Status,
    Waiting,
    hour_start,
    instant,
)
from autorisen.client.options import Durability, Options
from autorisen.client.sender import Sender
from autorisen.client.spool import Spool, Turn
from autorisen.client.system import SystemClock, system_random

_CLOSE_SECONDS = 5.0
_EXIT_SECONDS = 2.0
_POLL_SECONDS = 0.02
_CONNECT_SECONDS = 10.0
_BATCH_LIMIT = 10_000


class Client:
    """Records usage events durably and sends them in the background. Safe to use from many threads, and after a fork.

    One spool belongs to one server and one tenant's keys; processes of one machine may share it. `options` are
    described at `Options`. Raises `InvalidEvent` for a source, `ValueError` for an address or key that cannot be one,
    and `SpoolUnavailable` when the spool can't be opened.
    """

    def __init__(self, url: str, api_key: str, *, source: str, spool: Path | str, **options: Unpack[Options]) -> None:
        check_text("/source", source)
        self._url = _address(url)
        self._headers = _headers(api_key)
        self._source = source
        self._options = options
        self._clock = options.get("clock", SystemClock())
        self._new_id = Ids(options.get("random_bytes", system_random)).new
        self.durability: Durability = options.get("durability", "process")
        self._batch_size = options.get("batch_size", 1000)
        if not 1 <= self._batch_size <= _BATCH_LIMIT:
            raise ValueError(f"batch_size must be from 1 to {_BATCH_LIMIT:,}")
        self._path = Path(spool)
        power, most = self.durability == "power", options.get("max_events", 1_000_000)
        self._spool = Spool(self._path, max_events=most, power=power)
        # The sender's own connection: a big settlement keeps no lock that `record` needs in this process.
        self._sender_spool = Spool(self._path, max_events=most, power=power)
        self._turn = Turn(self._path)
        self._starting = threading.Lock()
        self._sender: Sender | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._spool.run(store.newest)
        if options.get("sending", True):
            self._start()
        self._at_exit = _close_at_exit(self)

    def record(
        self,
        type: str,
        subject: str,
        data: Mapping[str, object],
        *,
        time: datetime | None = None,
        id: str | None = None,
    ) -> str:
        """Keep one event; it is durable when this returns its id.

        `subject` is the customer's key or `cus_` id. `time` is when the use was, now when left out; `id` a UUIDv7 when
        left out: give one of your own when the same use may be recorded twice, it counts once.
        Raises `InvalidEvent`, `SpoolFull`, `SpoolUnavailable`, `ClientClosed`; then nothing was recorded.
        """
        now = self._clock.now()
        at = now if time is None else check_time(time, now)
        now_ms = int(now.timestamp() * 1000)
        at_ms = now_ms if time is None else int(at.timestamp() * 1000)
        if id is None:
            id = self._new_id(now_ms)
        body = encode_event(id, self._source, type, subject, at, data)
        self._spool.append(Waiting(self._source, at_ms // HOUR_MS, now_ms, body))
        if self._thread is None:
            self._restart_after_fork()
        return id

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that is recorded by now was taken or refused by the server. False: not within `timeout`
        seconds, or sending has stopped."""
        target = self._spool.run(store.newest)
        deadline = None if timeout is None else system_time.monotonic() + timeout
        while True:
            oldest = self._spool.run(store.oldest_pending)
            if oldest is None or oldest[0] > target:
                return True
            sender = self._sender
            if sender is None or sender.stopped is not None:
                return False
            if deadline is not None and system_time.monotonic() >= deadline:
                return False
            sender.wake()
            system_time.sleep(_POLL_SECONDS)

    def status(self) -> Status:
        """How many events wait, are sent and dead, and what is wrong if anything is."""
        pending, dead, sent, error = self._spool.run(store.counts)
        oldest = self._spool.run(store.oldest_pending)
        age = None if oldest is None else max(0.0, self._clock.now().timestamp() - oldest[1] / 1000)
        stopped = self._sender.stopped if self._sender is not None else None
        return Status(pending, sent, dead, age, stopped or error, stopped is not None)

    def resume(self, api_key: str | None = None) -> None:
        """Send again after the key was refused, with another key if one is given."""
        if api_key is not None:
            self._headers = _headers(api_key)
        with self._starting:
            if self._closed:
                raise ClientClosed("the client is closed")
            self._stop_thread(self.timeout)
            self._start()

    def dead_letters(self, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Events that the server would not count, oldest first; `after` is the number of the last one seen."""
        return [
            DeadLetter(number, cast(Fate, fate), reason, instant(died_ms), msgspec.json.decode(body))
            for number, fate, reason, died_ms, body in self._spool.run(lambda c: store.dead_after(c, after, limit))
        ]

    def retry_dead(self, numbers: Iterable[int] | None = None) -> int:
        """Send dead events again, all or those of these numbers. Gives how many."""
        revived_ms = int(self._clock.now().timestamp() * 1000)
        return self._spool.run(
            lambda c: store.take_dead(c, store.dead_numbers(c) if numbers is None else list(numbers), revived_ms)
        )

    def drop_dead(self, numbers: Iterable[int]) -> int:
        """Forget dead events for good: the only way by which anything ever leaves unsent. Gives how many."""
        return self._spool.run(lambda c: store.take_dead(c, list(numbers), None))

    def control_totals(self) -> list[ControlTotal]:
        """What this spool knows of each source and hour of event time; the server is told of hours that are over."""
        return [
            ControlTotal(source, hour_start(hour), acked + pending + dead, acked, pending, dead, repeated)
            for source, hour, acked, pending, dead, repeated, _ in self._spool.run(store.control_totals)
        ]

    def missing_events(self, *, limit: int = 1000) -> list[MissingEvent]:
        """Events that the server took and has not any more, by the control totals of their hours."""
        return self._spool.run(lambda c: store_totals.missing_events(c, limit))

    def close(self, timeout: float = _CLOSE_SECONDS) -> None:
        """Send what can be sent within `timeout` seconds; the rest stays in the spool for the next client of it."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._at_exit)
        deadline = system_time.monotonic() + timeout
        try:
            if self._thread is not None:
                self.flush(timeout)
        finally:
            self._stop_thread(max(0.1, deadline - system_time.monotonic()))
            self._spool.close()
            self._sender_spool.close()
            self._turn.give_up()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def timeout(self) -> float:
        """Seconds that one request may take."""
        return self._options.get("timeout_seconds", 30.0)

    def _open_http(self) -> httpx.Client:
        timeout = httpx.Timeout(self.timeout, connect=min(self.timeout, _CONNECT_SECONDS))
        transport = self._options.get("transport")
        return httpx.Client(base_url=self._url, headers=self._headers, timeout=timeout, transport=transport)

    def _start(self) -> None:
        self._sender = Sender(
            self._sender_spool,
            self._turn,
            self._open_http,
            batch_size=self._batch_size,
            interval=self._options.get("interval_seconds", 0.2),
            longest_backoff=self._options.get("backoff_seconds", 60.0),
            on_error=self._options.get("on_error"),
            clock=self._clock,
            random_bytes=self._options.get("random_bytes", system_random),
        )
        self._thread = threading.Thread(target=self._sender.run, name="autorisen-client", daemon=True)
        self._thread.start()
        _sending.add(self)

    def _stop_thread(self, timeout: float) -> None:
        if self._sender is not None and self._thread is not None:
            self._sender.end()
            self._thread.join(timeout)
        self._thread = None
        _sending.discard(self)

    def _restart_after_fork(self) -> None:
        """The thread belongs to the parent; the child gets one with its first event."""
        if not self._options.get("sending", True):
            return
        with self._starting:
            if self._thread is None and not self._closed:
                self._start()

    def forget_thread(self) -> None:
        """In the child of a fork: the thread and whoever held the lock are the parent's."""
        self._thread = self._sender = None
        self._starting = threading.Lock()


def _address(url: str) -> str:
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"url must begin with http:// or https:// and name a host, not {url!r}")
    return url.rstrip("/")


def _headers(api_key: str) -> dict[str, str]:
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ValueError("api_key must be a text without blanks, as the server gave it")
    return {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/json",
        "User-Agent": "autorisen-client",
    }


def _close_at_exit(client: Client) -> Callable[[], None]:
    """Best effort at the end of the interpreter, without keeping the client alive until then."""
    reference = weakref.ref(client)

    def close() -> None:
        if (found := reference()) is not None:
            found.close(_EXIT_SECONDS)

    atexit.register(close)
    return close


_sending: weakref.WeakSet[Client] = weakref.WeakSet()


def _in_child() -> None:
    for client in list(_sending):
        client.forget_thread()
    _sending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
