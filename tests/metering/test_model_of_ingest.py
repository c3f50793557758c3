"""Any interleaving of batches, duplicates, conflicts, lost answers, crashes and late customers equals a plain model."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import metering
from autorisen.kit.unit import Runtime
from autorisen.metering import new_event
from tests.factories.accounts import make_customer
from tests.factories.metering import METERS, llm_event

START = datetime(2026, 2, 1, tzinfo=UTC)
_runs = itertools.count(1)

amounts = st.one_of(st.integers(0, 10**17), st.decimals(0, 10**6, allow_nan=False, places=3))
# Few ids, so that they meet again; (id, amount, minutes after the start, whose).
sent = st.tuples(st.integers(0, 7), amounts, st.integers(0, 240), st.sampled_from(["early", "late"]))
batches = st.lists(sent, min_size=1, max_size=6)
steps: st.SearchStrategy[tuple[str, list[tuple[int, int | Decimal, int, str]]]] = st.one_of(
    st.tuples(st.sampled_from(["commit", "crash", "lost answer"]), batches),
    st.tuples(st.sampled_from(["customer", "sweep", "rebuild"]), st.just([])),
)


@dataclass
class Model:
    """What should be: the first content of each id, by a dictionary."""

    kept: dict[int, tuple[int | Decimal, int, str]] = field(default_factory=dict)

    def take(self, batch: list[tuple[int, int | Decimal, int, str]]) -> tuple[int, int, int]:
        accepted = duplicates = conflicts = 0
        for id, amount, minute, whose in batch:
            content = (amount, minute, whose)
            if id not in self.kept:
                self.kept[id] = content
                accepted += 1
            elif _same(self.kept[id], content):
                duplicates += 1
            else:
                conflicts += 1
        return accepted, duplicates, conflicts

    def used(self, whose: str, start: int, end: int) -> tuple[Decimal, int]:
        amounts = [amount for amount, minute, owner in self.kept.values() if owner == whose and start <= minute < end]
        return sum((Decimal(amount) for amount in amounts), Decimal(0)), len(amounts)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    # 1 and 1.000 are two contents: they are compared as they were written.
    return [str(each) for each in one] == [str(each) for each in other]


class _Crash(Exception):
    pass


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=1, max_size=8))
async def test_any_interleaving_equals_the_model(
    runtime: Runtime, script: list[tuple[str, list[tuple[int, int | Decimal, int, str]]]]
) -> None:
    """Goal: receipts and quantities, at edges on and off the hour, are those of a dictionary."""
    run, model = next(_runs), Model()
    async with runtime.unit() as unit:
        # Meters of earlier runs have counted, so they stay.
        meters = {meter.key: meter for meter in (*METERS, *await metering.meters(unit.tx))}
        await metering.apply_meters(unit, list(meters.values()))
    late = replace(METERS[1], key=f"llm.late_{run}")
    customers = {"early": await _customer(runtime, f"early-{run}")}
    for action, batch in script:
        events = _events(batch, run)
        if action == "crash":
            try:
                async with runtime.unit() as unit:
                    await metering.ingest(unit, None, events)
                    raise _Crash
            except _Crash:
                continue
        if action in ("commit", "lost answer"):
            for _ in range(1 if action == "commit" else 2):
                async with runtime.unit() as unit:
                    receipt = await metering.ingest(unit, None, events)
                assert (receipt.accepted, receipt.duplicates, receipt.conflicts) == model.take(batch)
        elif action == "customer" and "late" not in customers:
            customers["late"] = await _customer(runtime, f"late-{run}")
        elif action == "rebuild":
            async with runtime.unit() as unit:
                meters |= {late.key: late}
                await metering.apply_meters(unit, list(meters.values()))
        elif action == "sweep":
            await _sweep(runtime)
    if "late" not in customers:
        customers["late"] = await _customer(runtime, f"late-{run}")
    await _sweep(runtime)
    for meter in {"llm.input_tokens", late.key} & meters.keys():
        await _compare(runtime, customers, model, meter)


def _events(batch: list[tuple[int, int | Decimal, int, str]], run: int) -> list[metering.Event]:
    return [
        new_event(
            llm_event(
                str(id),
                tokens=amount,
                source=f"run-{run}",
                subject=f"{whose}-{run}",
                time=(START + timedelta(minutes=minute)).isoformat(),
            )
        )
        for id, amount, minute, whose in batch
    ]


async def _customer(runtime: Runtime, key: str) -> UUID:
    async with runtime.unit() as unit:
        return (await make_customer(unit, key=key)).id


async def _sweep(runtime: Runtime) -> None:
    async with runtime.unit() as unit:
        await metering.claim_events(unit)


async def _compare(runtime: Runtime, customers: dict[str, UUID], model: Model, meter: str) -> None:
    async with runtime.database.read() as tx:
        for whose, customer_id in customers.items():
            for start, end in ((0, 241), (60, 180), (1, 59), (59, 61), (30, 200)):
                found = await metering.quantity(
                    tx,
                    customer_id=customer_id,
                    meter=meter,
                    start=START + timedelta(minutes=start),
                    end=START + timedelta(minutes=end),
                )
                assert (found.quantity, found.events) == model.used(whose, start, end)
