"""What may be set at a client. One list for both clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict

import httpx

from autorisen.client.system import Clock, RandomBytes

Durability = Literal["process", "power"]


class Options(TypedDict, total=False):
    """All may be left out.

    `max_events`: how many events may wait, dead letters included (1,000,000), then `record` raises `SpoolFull`.
    `durability`: "process" (the default): what was recorded survives the end of the process in any way, kill -9
    included, but the last seconds may be lost when the machine loses power; "power": it survives that too, at the
    cost of one flush of the disk per `record` (threads that record at the same time share it).
    `sending`: False records only; another process sends (True).
    `on_error`: called from the sending thread with a sentence for a person when sending stops or an event dies.
    `batch_size`: events per request, at most 10,000 (1,000). `interval_seconds`: how long a recorded event may wait
    for company (0.2). `timeout_seconds`: of one request (30). `backoff_seconds`: the longest wait between two
    tries, unless the server asks for more (60).
    `transport`: of httpx, for proxies and certificates of your own. `clock`, `random_bytes`: for tests.
    """

    max_events: int
    durability: Durability
    sending: bool
    on_error: Callable[[str], None]
    batch_size: int
    interval_seconds: float
    timeout_seconds: float
    backoff_seconds: float
    transport: httpx.BaseTransport
    clock: Clock
    random_bytes: RandomBytes
