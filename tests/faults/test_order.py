"""F11: events come one to five times, shuffled, in batches of any size, and some when their period was billed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from autorisen import metering
from autorisen.billing import LineKind
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_key
from tests.factories.billing import Shop
from tests.factories.metering import send
from tests.faults.harness import SEED, scaled


@dataclass
class Figures:
    """What the run is judged by."""

    seed: int
    sent: int = 0
    distinct: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    ghost: int = 0
    unknown: int = 0
    late: int = 0
    billed: int = 0
    adjusted: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in vars(self).items())


async def test_repeated_shuffled_and_late(
    runtime: Runtime,
    worker: Worker,
    client: httpx.AsyncClient,
    clock: FrozenClock,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Goal: quantity and invoices are those of the distinct events; the late ones become an adjustment, exactly."""
    dice = random.Random(SEED)
    shop = Shop(runtime, worker, client, clock)
    customer = await shop.customer()
    await shop.upgrade(customer)
    billed = await shop.period(customer)
    async with runtime.unit() as unit:
        headers = await make_key(unit, None)
    figures = Figures(SEED, distinct=scaled(3_000, 10_000))
    minutes = int((billed.end_at - billed.start_at).total_seconds() // 60)
    times = [billed.start_at + timedelta(minutes=dice.randrange(minutes)) for _ in range(figures.distinct)]
    events = [_event(number, at) for number, at in enumerate(times)]
    dice.shuffle(events)
    late = events[: figures.distinct // 20]
    await shop.advance(days=30)
    await _send_all(client, headers, events[len(late) :], dice, figures)
    await shop.advance(days=1, hours=2)
    await _send_all(client, headers, late + events[:500], dice, figures)
    figures.late = len(late)
    await shop.advance(days=31)
    lines = [line for invoice in await shop.invoices(customer) for line in invoice.lines]
    figures.billed = sum(int(line.quantity) for line in lines if line.kind is LineKind.USAGE)
    figures.adjusted = sum(int(line.quantity) for line in lines if line.kind is LineKind.USAGE_ADJUSTMENT)
    with psycopg.connect(database_url) as connection:
        stored = [row[0] for row in connection.execute("SELECT event_id FROM metering.events").fetchall()]
    figures.doubled = len(stored) - len(set(stored))
    figures.lost = len({event["id"] for event in events} - set(stored))
    figures.ghost = len(set(stored) - {event["id"] for event in events})
    figures.unknown = figures.distinct - figures.acked
    with capsys.disabled():
        print(f"\nF11 repeated, shuffled, late: {figures}, seconds to recover: 0 (nothing fails)")
    assert (figures.lost, figures.doubled, figures.ghost, figures.unknown) == (0, 0, 0, 0)
    async with runtime.database.read() as tx:
        used = await metering.quantity(
            tx, customer_id=customer.id, meter="agent.execution", start=billed.start_at, end=billed.end_at
        )
    assert (int(used.quantity), used.events) == (figures.distinct, figures.distinct)
    assert (figures.billed, figures.adjusted) == (figures.distinct - figures.late, figures.late)
    # 2,000 are included; what is beyond costs R0.25 each, whenever it came.
    usage = sum(line.amount.minor for line in lines if line.kind in (LineKind.USAGE, LineKind.USAGE_ADJUSTMENT))
    assert usage == 25 * (figures.distinct - 2_000)


def _event(number: int, at: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"run-{number}",
        "source": "tests",
        "type": "agent.execution",
        "subject": "acme",
        "time": at.isoformat().replace("+00:00", "Z"),
        "data": {"agent": "code-review"},
    }


async def _send_all(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    events: list[dict[str, Any]],
    dice: random.Random,
    figures: Figures,
) -> None:
    """Each of them one to five times, all of it shuffled."""
    copies = [event for event in events for _ in range(dice.randint(1, 5))]
    dice.shuffle(copies)
    while copies:
        size = dice.choice((1, 7, 100, 1_000))
        batch, copies = copies[:size], copies[size:]
        receipt = await send(client, headers, batch)
        assert receipt["accepted"] + receipt["duplicates"] == len(batch), receipt
        figures.sent += len(batch)
        figures.acked += receipt["accepted"]
