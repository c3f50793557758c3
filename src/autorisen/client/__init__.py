"""The producer's side of usage: record events so that none is lost or counted twice, send them in the background.

`Client` and `AsyncClient` write each event into a spool file (SQLite) before `record` returns; one thread sends what is
there and keeps what the server refuses. Several processes may share one spool.

Owns no schema of the server's database; its tables are those of the spool file. It imports nothing else of autorisen,
only the standard library, httpx and msgspec, so that it can be shipped alone. See docs/howto/use-the-client.md.
"""

from autorisen.client.async_client import AsyncClient
from autorisen.client.errors import (
    ClientClosed,
    ClientError,
    InvalidEvent,
    SpoolFull,
    SpoolUnavailable,
)
from autorisen.client.model import ControlTotal, DeadLetter, MissingEvent, Status
from autorisen.client.options import Durability, Options
from autorisen.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientClosed",
    "ClientError",
    "ControlTotal",
    "DeadLetter",
    "Durability",
    "InvalidEvent",
    "MissingEvent",
    "Options",
    "SpoolFull",
    "SpoolUnavailable",
    "Status",
]
