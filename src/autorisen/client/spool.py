"""The spool file as one process holds it: a connection, its lock, group commit, and what a fork does to them."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from autorisen.client import store
from autorisen.client.errors import ClientClosed, ClientError, SpoolFull, SpoolUnavailable
from autorisen.client.model import Waiting

BUSY_SECONDS = 30.0
# Of what is free, how much may be recorded before it is counted again. A fraction, so that several processes together
# stay within the bound as well.
_ROOM_SHARE = 64
_OPENING_TRIES = 50

Result = TypeVar("Result")


class Spool:
    """One connection to the file. Every method may be called from any thread, in any process that has a Spool of it.

    SQLite's locks do not survive a fork, so connections are closed before one and opened again after it, on both sides.
    """

    def __init__(self, path: Path, *, max_events: int, power: bool) -> None:
        self._path = path
        self._max_events = max_events
        self._power = power
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._room = 0
        self._tickets: deque[_Ticket] = deque()
        _alive.add(self)

    def append(self, event: Waiting) -> None:
        """Durable on return. Threads that arrive while another one writes share the next transaction.

        Raises `SpoolFull`, `SpoolUnavailable`, `ClientClosed`.
        """
        if self._append_alone(event):
            return
        ticket = _Ticket(event)
        self._tickets.append(ticket)
        with self._lock:
            if ticket.unknown:
                self._write_waiting()
        if ticket.error is not None:
            raise ticket.error

    def _append_alone(self, event: Waiting) -> bool:
        """The short way, where nobody else writes or waits and there is room: a seventh of the time of `record`."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._connection is None or self._room <= 0 or self._tickets:
                return False
            store.insert_event(self._connection, event)
            self._room -= 1
            return True
        except sqlite3.Error as error:
            raise SpoolUnavailable(f"{self._path.name}: {error}") from error
        finally:
            self._lock.release()

    def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Something else with the connection. Raises `SpoolUnavailable`, `ClientClosed`."""
        with self._lock:
            try:
                return work(self._open())
            except sqlite3.Error as error:
                raise SpoolUnavailable(f"{self._path.name}: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._disconnect()
            _alive.discard(self)

    def _write_waiting(self) -> None:
        tickets: list[_Ticket] = []
        while self._tickets:
            tickets.append(self._tickets.popleft())
        while tickets:
            taken: list[_Ticket] = []
            try:
                taken = tickets[: self._claim_room(len(tickets))]
                store.insert_events(self._open(), [ticket.event for ticket in taken])
            except sqlite3.Error as error:
                refuse(tickets, SpoolUnavailable, f"{self._path.name}: {error}")
                return
            except ClientError as error:
                refuse(tickets, type(error), str(error))
                return
            for ticket in taken:
                ticket.unknown, ticket.error = False, None
            del tickets[: len(taken)]

    def _claim_room(self, wanted: int) -> int:
        """How many of `wanted` may be written now, at least one. Raises `SpoolFull`."""
        if self._room <= 0:
            pending, dead, _, _ = store.counts(self._open())
            free = self._max_events - pending - dead
            if free <= 0:
                raise SpoolFull(f"{pending:,} events wait and {dead:,} are dead letters, of {self._max_events:,}")
            self._room = max(1, free // _ROOM_SHARE)
        granted = min(wanted, self._room)
        self._room -= granted
        return granted

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._closed:
                raise ClientClosed("the client is closed")
            self._connection = open_file(self._path, power=self._power)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def hold_for_fork(self) -> None:
        self._lock.acquire()
        self._disconnect()

    def release_after_fork(self, *, child: bool) -> None:
        if child:
            # The threads that these belong to exist in the parent only, which writes them.
            self._tickets.clear()
        self._room = 0
        self._lock.release()


class _Ticket:
    """An event and whether it has been written."""

    __slots__ = ("error", "event", "unknown")

    def __init__(self, event: Waiting) -> None:
        self.event = event
        self.unknown = True
        self.error: Exception | None = SpoolUnavailable("the writing was interrupted")


def refuse(tickets: list[_Ticket], kind: type[ClientError], message: str) -> None:
    for ticket in tickets:
        ticket.unknown, ticket.error = False, kind(message)


def open_file(path: Path, *, power: bool) -> sqlite3.Connection:
    """A connection with its tables. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for remaining in reversed(range(_OPENING_TRIES)):
            try:
                store.prepare(connection, power=power)
                break
            except sqlite3.OperationalError as error:
                # The change to WAL does not wait for others who make it at the same time.
                if remaining == 0 or "locked" not in str(error):
                    raise
                threading.Event().wait(0.02)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Turn:
    """The right to send, which one client of a spool has at a time.

    A lock of SQLite on a file of its own: the system takes it from a process that dies, so no lease has to run out.
    Nothing depends on it but economy: two that send the same events do no harm, the server counts them once.
    """

    def __init__(self, spool: Path) -> None:
        self._path = spool.with_name(spool.name + ".sender")
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        _alive.add(self)

    def take(self) -> bool:
        """Whether it is ours now."""
        with self._lock:
            if self._connection is not None:
                return True
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                store.take_turn(connection)
            except sqlite3.Error:
                connection.close()
                return False
            self._connection = connection
            return True

    def give_up(self) -> None:
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def hold_for_fork(self) -> None:
        self._lock.acquire()
        self._disconnect()

    def release_after_fork(self, *, child: bool) -> None:
        self._lock.release()


_alive: weakref.WeakSet[Spool | Turn] = weakref.WeakSet()
_held: list[Spool | Turn] = []


def _before_fork() -> None:
    for each in list(_alive):
        each.hold_for_fork()
        _held.append(each)


def _after_fork(*, child: bool) -> None:
    while _held:
        _held.pop().release_after_fork(child=child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(child=False),
        after_in_child=lambda: _after_fork(child=True),
    )
