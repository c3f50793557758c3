"""The one thread that sends what the spool holds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import httpx

from autorisen.client import store
from autorisen.client.answer import Again, Answer, Refused, backoff, read_answer, settle_refused
from autorisen.client.errors import ClientClosed, SpoolUnavailable
from autorisen.client.model import Batch, Settled
from autorisen.client.spool import Spool, Turn
from autorisen.client.system import Clock, RandomBytes
from autorisen.client.tell_totals import TotalsRefused, tell_totals

BYTE_LIMIT = 4_000_000
# Control totals: looked for after so many idle intervals; a server that does not take them is left alone for an hour.
TOTALS_INTERVALS = 50
TOTALS_ABSENT_SECONDS = 3600.0

log = logging.getLogger("autorisen.client")


class _Pause(Exception):
    """Nothing more can be sent now. `wait` seconds are asked for by the server, or left to the backoff."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _Stop(Exception):
    """Nothing more can be sent with this key."""


class Sender:
    """Sends batches until told to end. It owns its connection to the spool and its HTTP client."""

    def __init__(
        self,
        spool: Spool,
        turn: Turn,
        open_http: Callable[[], httpx.Client],
        *,
        batch_size: int,
        interval: float,
        longest_backoff: float,
        on_error: Callable[[str], None] | None,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._spool = spool
        self._turn = turn
        self._open_http = open_http
        self._batch_size = batch_size
        self._interval = interval
        self._longest_backoff = longest_backoff
        self._on_error = on_error
        self._clock = clock
        self._random_bytes = random_bytes
        self._failures = 0
        self._not_before = 0.0
        self._totals_at = 0.0
        self._ending = False
        self._awake = threading.Event()
        self.stopped: str | None = None

    def run(self) -> None:
        """The body of the thread."""
        with self._open_http() as http:
            while not self._ending:
                self._awake.wait(self._round(http))
                self._awake.clear()
        self._turn.give_up()

    def wake(self) -> None:
        """Look at the spool now; a pause that the server asked for is kept."""
        self._awake.set()

    def end(self) -> None:
        self._ending = True
        self._awake.set()

    def _round(self, http: httpx.Client) -> float:
        """Send one batch when it is time. Gives the seconds until the next look."""
        early = self._not_before - time.monotonic()
        if self.stopped is not None or early > 0:
            return max(early, self._interval)
        try:
            if not self._turn.take():
                return self._interval
            if self._send_next(http):
                return 0.0
            self._report_totals(http)
        except _Stop as stop:
            self._turn.give_up()
            self.stopped = str(stop)
            self._complain(f"sending has stopped, recording goes on: {stop}")
        except _Pause as pause:
            return self._pause(str(pause), pause.wait)
        except (SpoolUnavailable, ClientClosed) as error:
            return self._pause(str(error), None)
        except Exception as error:
            # A thread that dies would leave events for ever; what it died of is said instead.
            log.exception("autorisen: sending failed, it will be tried again")
            return self._pause(repr(error), None)
        return self._interval

    def _send_next(self, http: httpx.Client) -> bool:
        """Whether a full batch was sent, so that there may be more."""
        batch = self._spool.run(lambda c: store.next_batch(c, self._batch_size, BYTE_LIMIT))
        if not batch.events:
            return False
        self._deliver(http, batch)
        self._failures = 0
        return True

    def _deliver(self, http: httpx.Client, batch: Batch) -> None:
        answer = self._post(http, batch)
        if isinstance(answer, Settled):
            self._settle(answer)
        elif isinstance(answer, Again):
            raise _Pause(answer.reason, answer.wait)
        elif isinstance(answer, Refused):
            self._spool.run(lambda c: store.set_error(c, answer.reason))
            raise _Stop(answer.reason)
        elif len(batch.events) > 1:
            for half in batch.halves():
                self._deliver(http, half)
        else:
            self._settle(settle_refused(batch, answer))

    def _post(self, http: httpx.Client, batch: Batch) -> Answer:
        body = b"[" + b",".join(event.body for event in batch.events) + b"]"
        try:
            answer = http.post("/api/events", content=body)
        except httpx.HTTPError as error:
            return Again(_no_answer(error))
        return read_answer(batch, answer.status_code, answer.headers, answer.content, self._clock.now())

    def _settle(self, settled: Settled) -> None:
        died_ms = int(self._clock.now().timestamp() * 1000)
        self._spool.run(lambda c: store.settle(c, settled, died_ms))
        if settled.dead:
            first = settled.dead[0]
            self._complain(f"{len(settled.dead)} of {len(settled.batch.events)} events died: {first.reason}")

    def _pause(self, reason: str, wait: float | None) -> float:
        self._failures += 1
        chance = int.from_bytes(self._random_bytes(4), "big") / 2**32
        pause = max(wait or 0.0, backoff(self._failures, self._longest_backoff, chance))
        self._not_before = time.monotonic() + pause
        log.warning("autorisen: %s; next try in %.1f s", reason, pause)
        try:
            self._spool.run(lambda c: store.set_error(c, reason))
        except (SpoolUnavailable, ClientClosed) as error:
            log.warning("autorisen: %s", error)
        return pause

    def _report_totals(self, http: httpx.Client) -> None:
        """Tell the server how many events each past hour had. It is told again when that changes."""
        if time.monotonic() < self._totals_at:
            return
        self._totals_at = time.monotonic() + TOTALS_INTERVALS * self._interval
        try:
            missing = tell_totals(http, self._spool.run, int(self._clock.now().timestamp() // 3600))
        except httpx.HTTPError as error:
            raise _Pause(_no_answer(error)) from error
        except TotalsRefused as refused:
            self._totals_at = time.monotonic() + TOTALS_ABSENT_SECONDS
            if refused.status != 404:
                log.warning("autorisen: %s", refused)
            return
        if missing:
            first = missing[0]
            self._complain(f"the server has not {len(missing):,} events that it had taken, like {first.id}")

    def _complain(self, sentence: str) -> None:
        log.error("autorisen: %s", sentence)
        if self._on_error is not None:
            try:
                self._on_error(sentence)
            except Exception:
                log.exception("autorisen: on_error failed")


def _no_answer(error: httpx.HTTPError) -> str:
    return f"no answer: {str(error) or type(error).__name__}"
