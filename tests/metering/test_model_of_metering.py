"""Any interleaving of batches, duplicates, conflicts, lost answers, crashes, late customers, corrections and rebuilds
equals a plain model.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autorisen import accounts, metering
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Registry, Worker
from autorisen.metering import Correction, CorrectionRefused, MeterDefinition, new_event
from autorisen.metering.model import OPERATOR
from autorisen.metering.rebuild_meter import AT_ONCE_BYTES, catch_up, count_step
from tests.factories.accounts import make_customer
from tests.factories.metering import llm_event
from tests.metering.plain_model import METERS, Content, Model, at

_runs = itertools.count(1)

amounts = st.one_of(st.integers(0, 3), st.integers(0, 10**17), st.decimals(0, 10**6, allow_nan=False, places=3))
contents = st.builds(
    Content, amounts, st.integers(0, 240), st.sampled_from(["early", "late"]), st.sampled_from(["", "small", "large"])
)
# Few ids, so that they meet again.
batches = st.lists(st.tuples(st.integers(0, 7), contents), min_size=1, max_size=6)
steps: st.SearchStrategy[tuple[str, list[tuple[int, Content]]]] = st.one_of(
    st.tuples(st.sampled_from(["commit", "crash", "lost answer", "void", "amend"]), batches),
    st.tuples(st.sampled_from(["customer", "sweep", "rebuild", "count", "catch up"]), st.just([])),
)


# Nobody else's work: a customer without a plan would be tried again for a day.
WORK = Registry(metering.JOBS, {accounts.CustomerCreated: (metering.on_customer_created,)}, ())


class _Crash(Exception):
    pass


class _House:
    """A fresh pair of customers in a database of many, beside their model."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.run = next(_runs)
        self.model = Model()
        self.customers: dict[str, UUID] = {}
        self.changing = replace(METERS[0], key="changing")

    async def begin(self) -> None:
        await self.apply()
        await self.add_customer("early")

    async def apply(self, *, at_once_bytes: int = AT_ONCE_BYTES) -> None:
        async with self.runtime.unit() as unit:
            await metering.apply_meters(unit, [*METERS, self.changing], at_once_bytes=at_once_bytes)

    async def add_customer(self, whose: str) -> None:
        if whose not in self.customers:
            async with self.runtime.unit() as unit:
                self.customers[whose] = (await make_customer(unit, key=f"{whose}-{self.run}")).id

    async def perform(self, action: str, batch: list[tuple[int, Content]]) -> None:
        if action == "crash":
            with suppress(_Crash):
                async with self.runtime.unit() as unit:
                    await metering.ingest(unit, None, self.events(batch))
                    raise _Crash
        elif action in ("commit", "lost answer"):
            for _ in range(1 if action == "commit" else 2):
                async with self.runtime.unit() as unit:
                    receipt = await metering.ingest(unit, None, self.events(batch))
                assert (receipt.accepted, receipt.duplicates, receipt.conflicts) == self.model.take(batch)
        elif action in ("void", "amend"):
            await self.correct(action, dict(batch))
        elif action == "customer":
            await self.add_customer("late")
        elif action == "sweep":
            await self.sweep()
        elif action == "rebuild":
            self.changing = replace(METERS[(self.run + len(self.model.sent)) % len(METERS)], key="changing")
            await self.apply(at_once_bytes=0)
        else:
            await self.build(action)

    async def build(self, action: str) -> None:
        async with self.runtime.database.read() as tx:
            building = await metering.rebuilds(tx)
        for each in building:
            if action == "count":
                await count_step(self.runtime, each.meter.series, events_a_step=3)
            else:
                await catch_up(self.runtime, each.meter.series)

    async def correct(self, action: str, batch: dict[int, Content]) -> None:
        voids = action == "void"
        corrections = [
            Correction(OPERATOR, event.source, event.id, "void", "was wrong")
            if voids
            else Correction(OPERATOR, event.source, event.id, "amend", "was wrong", event)
            for event in self.events(list(batch.items()))
        ]
        refused = any(id not in self.model.sent for id in batch) or (
            not voids and any(each.whose not in self.customers for each in batch.values())
        )
        async with self.runtime.unit() as unit:
            if refused:
                with pytest.raises(CorrectionRefused):
                    await metering.correct_events(unit, actor="tests", corrections=corrections)
                return
            receipt = await metering.correct_events(unit, actor="tests", corrections=corrections)
        after = {id: None if voids else content for id, content in batch.items()}
        same = sum(_written(self.model.counts[id]) == _written(content) for id, content in after.items())
        assert (receipt.voided + receipt.amended, receipt.unchanged) == (len(batch) - same, same)
        self.model.counts |= after

    async def sweep(self) -> None:
        async with self.runtime.unit() as unit:
            await metering.claim_events(unit)

    def events(self, batch: list[tuple[int, Content]]) -> list[metering.Event]:
        return [
            new_event(
                llm_event(
                    str(id),
                    source=f"run-{self.run}",
                    subject=f"{content.whose}-{self.run}",
                    time=at(content.minute).isoformat(),
                    data={"input_tokens": content.amount} | ({"model": content.model} if content.model else {}),
                )
            )
            for id, content in batch
        ]

    async def compare(self) -> None:
        async with self.runtime.database.read() as tx:
            assert {meter.key: meter for meter in await metering.meters(tx)}["changing"] == self.changing
            for whose, customer_id in self.customers.items():
                for start, end in ((0, 241), (60, 180), (59, 61), (30, 200)):
                    asked: dict[str, Any] = {"customer_id": customer_id, "start": at(start), "end": at(end)}
                    found = await metering.quantities(tx, **asked)
                    by_model = await metering.grouped_quantities(tx, group_by=["model"], **asked)
                    for meter in (*METERS, self.changing):
                        got = found.get(meter.key, metering.Quantity(Decimal(0), 0))
                        assert (got.quantity, got.events) == self.model.used(meter, whose, start, end), meter
                        if meter.group_by:
                            self.compare_groups(meter, whose, (start, end), by_model)
        await self.compare_many()

    async def compare_many(self) -> None:
        """Of many customers and stretches at once the answer is that of each alone."""
        windows = ((0, 241), (60, 180), (59, 61), (30, 200), (60, 60))
        stretches = [
            metering.Stretch(customer_id, at(start), at(end))
            for customer_id in self.customers.values()
            for start, end in windows
        ]
        async with self.runtime.database.read() as tx:
            for group_by in ([], ["model"]):
                many = await metering.grouped_quantities_of(tx, stretches, group_by=group_by)
                for stretch, found in zip(stretches, many, strict=True):
                    alone = await metering.grouped_quantities(
                        tx,
                        customer_id=stretch.customer_id,
                        start=stretch.start,
                        end=stretch.end,
                        group_by=group_by,
                    )
                    assert {key: (used.quantity, used.events) for key, used in found.items()} == {
                        key: (used.quantity, used.events) for key, used in alone.items()
                    }, stretch

    def compare_groups(
        self,
        meter: MeterDefinition,
        whose: str,
        window: tuple[int, int],
        found: dict[tuple[str, tuple[tuple[str, str], ...]], metering.Quantity],
    ) -> None:
        for model in ("", "small", "large"):
            got = found.get((meter.key, (("model", model),)), metering.Quantity(Decimal(0), 0))
            assert (got.quantity, got.events) == self.model.used(meter, whose, *window, model), (meter, model)


def _written(content: Content | None) -> tuple[str, ...] | None:
    return content.written if content else None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=1, max_size=10))
async def test_any_interleaving_equals_the_model(
    runtime: Runtime, script: list[tuple[str, list[tuple[int, Content]]]]
) -> None:
    """Goal: receipts and quantities of every aggregation, at edges on and off the hour, are those of a dictionary."""
    house = _House(runtime)
    await house.begin()
    for action, batch in script:
        await house.perform(action, batch)
    await house.add_customer("late")
    await house.sweep()
    await Worker(runtime, WORK).drain()
    await house.compare()
