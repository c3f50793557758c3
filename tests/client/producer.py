"""A producer in a process of its own, to be killed: records until then, and notes each event when `record` returned.

python -m tests.client.producer URL KEY SPOOL NOTES TOKENS [without-durability]
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autorisen.client import Client

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
THREADS = 2


class NearStart:
    """A clock that runs from the instant at which the clocks of the tests stand still."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return START + timedelta(seconds=time.monotonic() - self._begun)


def record_on(client: Client, notes: int, tokens: int) -> None:
    while True:
        id = client.record("llm.completion", "acme", {"input_tokens": tokens, "output_tokens": 1})
        # One write of the system: it outlives the process as soon as it returns.
        os.write(notes, f"{id} {tokens}\n".encode())


def main(url: str, key: str, spool: str, notes: str, tokens: str, *options: str) -> None:
    descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    client = Client(url, key, source="producer", spool=Path(spool), clock=NearStart(), interval_seconds=0.02)
    if "without-durability" in options:
        # What `record` writes alone is then in a transaction that nobody commits; the first one counts the room.
        client.record("llm.completion", "acme", {"input_tokens": 1, "output_tokens": 1})
        client._spool.run(lambda connection: connection.execute("BEGIN"))
    for _ in range(1 if options else THREADS):
        threading.Thread(target=record_on, args=(client, descriptor, int(tokens))).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
