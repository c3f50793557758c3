"""Put hours and raw events together: what a meter says of each stretch of time and each group. Pure.

Whole hours come from rollups and the rest from raw events. How parts become one number is the aggregation's:

- count and sum add up; max and min take the extreme;
- latest is the value of the newest event (of two of one instant, that of the greater source and id);
- unique is the number of different values, each counted once however many hours or groups have it;
- time-weighted is the average level: a level holds from its event to the next one, is 0 before the first event ever,
  and is taken to hold until the end of the stretch. Levels of several groups add up.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

import msgspec

from autorisen.metering.counting import CountedEvent, Sample, exact_sum, measure_for, seconds, value_digest
from autorisen.metering.errors import UsageTooLarge
from autorisen.metering.measure import Measure
from autorisen.metering.model import (
    EXACT,
    HOUR,
    QUANTITY_DECIMALS,
    Aggregation,
    Group,
    Measured,
    Meter,
    Quantity,
    Window,
)

_UNIT = Decimal(1).scaleb(-QUANTITY_DECIMALS)
# Room for a quotient of 18 digits and 12 decimals before it is rounded.
_DIVIDE = Context(prec=60)


@dataclass(frozen=True)
class Question:
    """Which meters are asked, in which adjoining stretches of time, grouped by and limited to which dimensions.

    `limit` bounds how many quantities the answer may hold in memory, where it bounds them.
    """

    meters: tuple[Meter, ...]
    windows: tuple[Window, ...]
    group_by: tuple[str, ...] = ()
    only: Group = ()
    limit: int | None = None

    @property
    def whole(self) -> Window:
        """All of the time that is asked."""
        return Window(
            self.windows[0].head_start,
            self.windows[0].hours_start,
            self.windows[-1].hours_end,
            self.windows[-1].tail_end,
        )

    def groups(self, dimensions: str) -> Group | None:
        """The group that a combination of dimensions belongs to; None when it is not asked for."""
        found = dimensions_of(dimensions)
        if any(found.get(name, "") != value for name, value in self.only):
            return None
        return tuple((name, found.get(name, "")) for name in self.group_by)


@lru_cache(maxsize=10_000)
def dimensions_of(text: str) -> Mapping[str, str]:
    """The dimensions of a rollup by name."""
    found: Mapping[str, str] = json.loads(text) if text else {}
    return found


@dataclass(frozen=True)
class Run:
    """The rollups of a stretch, from its first to its last whole hour with events, of a meter that can't be added up.

    `hour` is the last one. The quantity of a level is its area from `first_at` to the end of that hour.
    """

    hour: datetime
    dimensions: str
    quantity: Decimal
    events: int
    first_at: datetime | None
    newest: Sample


@dataclass
class _Level:
    """The samples and runs of whole hours of one combination of dimensions, and its level before all of them."""

    samples: list[Sample] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    before: Sample | None = None


class _Cell(msgspec.Struct):
    """One meter, stretch and group in the making. A struct: a month of hours has many."""

    numbers: list[int | Decimal] = msgspec.field(default_factory=list)
    newest: Sample | None = None
    digests: set[bytes] = msgspec.field(default_factory=set)
    events: int = 0


class Rules:
    """The meters that are asked, by series and by the type of their events: made once for many combinations."""

    def __init__(self, meters: Iterable[Meter]) -> None:
        self.by_series = {meter.series: meter for meter in meters}
        self.by_type: dict[str, list[tuple[Meter, Measure]]] = {}
        for meter in self.by_series.values():
            rules = self.by_type.setdefault(meter.definition.event_type, [])
            rules.append((meter, measure_for(meter.definition)))


class Combination:
    """Takes the parts in any order; `result` is what each stretch comes to, `total` what all of them do."""

    def __init__(self, question: Question, rules: Rules | None = None) -> None:
        self._question = question
        known = rules or Rules(question.meters)
        self._meters, self._by_type = known.by_series, known.by_type
        self._starts = [each.head_start for each in question.windows]
        self._groups: dict[str, Group | None] = {}
        self._cells: dict[tuple[int, str, Group], _Cell] = {}
        self._whole: dict[tuple[str, Group], Decimal] = {}
        self._levels: dict[tuple[str, str], _Level] = {}

    def add_hours(self, place: int, series: str, dimensions: str, quantity: Decimal, events: int) -> None:
        """What whole hours of stretch `place` come to, of a meter that is added up, an extreme or counted once."""
        cell = self._cell(place, series, dimensions)
        if cell is not None:
            cell.numbers.append(quantity)
            cell.events += events

    def add_run(self, place: int, series: str, run: Run) -> None:
        """The whole hours of stretch `place` of a `latest` or `time_weighted` meter."""
        if self._meters[series].definition.aggregation is Aggregation.TIME_WEIGHTED:
            self._level(series, run.dimensions).runs.append(run)
        cell = self._cell(place, series, run.dimensions)
        if cell is not None:
            cell.newest = max(cell.newest or run.newest, run.newest)
            cell.events += run.events

    def add_before(self, series: str, dimensions: str, sample: Sample) -> None:
        """The newest sample of a level in the hours before the first stretch."""
        self._level(series, dimensions).before = sample

    def add_digest(self, place: int, series: str, dimensions: str, digest: bytes) -> None:
        """A value that a `unique` meter saw in whole hours of stretch `place`."""
        cell = self._cell(place, series, dimensions)
        if cell is not None:
            cell.digests.add(digest)

    def add_whole(self, series: str, dimensions: str, quantity: Decimal) -> None:
        """How many values a `unique` meter saw in all stretches together, where no digests are given."""
        group = self._group(dimensions)
        if group is not None:
            self._whole[series, group] = quantity

    def add_event(self, event: CountedEvent) -> None:
        """A raw event of an edge, or of the hour in which the first stretch begins, before it."""
        place = bisect_right(self._starts, event.occurred_at) - 1
        for meter, measure in self._by_type.get(event.type, ()):
            measured = measure(event.data)
            if isinstance(measured, Measured):
                self._add_measured(place, meter, event, measured)

    def _add_measured(self, place: int, meter: Meter, event: CountedEvent, measured: Measured) -> None:
        kind, value = meter.definition.aggregation, measured.value
        if kind is Aggregation.TIME_WEIGHTED and not isinstance(value, str):
            sample = Sample(event.occurred_at, event.key, value)
            self._level(meter.series, measured.dimensions).samples.append(sample)
        cell = self._cell(place, meter.series, measured.dimensions) if place >= 0 else None
        if cell is None:
            return
        cell.events += 1
        if kind is Aggregation.UNIQUE:
            cell.digests.add(value_digest(value))
        elif not isinstance(value, str):
            if kind is Aggregation.LATEST:
                sample = Sample(event.occurred_at, event.key, value)
                cell.newest = max(cell.newest or sample, sample)
            elif kind is not Aggregation.TIME_WEIGHTED:
                cell.numbers.append(value)

    def _cell(self, place: int, series: str, dimensions: str) -> _Cell | None:
        group = self._group(dimensions)
        if group is None:
            return None
        cell = self._cells.get((place, series, group))
        if cell is None:
            limit = self._question.limit
            if limit is not None and len(self._cells) >= limit:
                raise UsageTooLarge(f"that is more than {limit:,} quantities: ask for fewer groups, meters or buckets")
            cell = self._cells[place, series, group] = _Cell()
        return cell

    def _group(self, dimensions: str) -> Group | None:
        try:
            return self._groups[dimensions]
        except KeyError:
            return self._groups.setdefault(dimensions, self._question.groups(dimensions))

    def _level(self, series: str, dimensions: str) -> _Level:
        return self._levels.setdefault((series, dimensions), _Level())

    def result(self) -> dict[tuple[int, str, Group], Quantity]:
        """By stretch, key of the meter, and group. What had no events, and no level, is left out."""
        return self._result(self._question.windows, self._cells)

    def total(self) -> dict[tuple[str, Group], Quantity]:
        """By key of the meter, and group: the quantity of all stretches together."""
        cells: dict[tuple[int, str, Group], _Cell] = {}
        for (_, series, group), cell in self._cells.items():
            all_of = cells.setdefault((0, series, group), _Cell())
            all_of.numbers += cell.numbers
            all_of.digests |= cell.digests
            all_of.events += cell.events
            if cell.newest is not None:
                all_of.newest = max(all_of.newest or cell.newest, cell.newest)
        for (series, group), quantity in self._whole.items():
            cells[0, series, group].numbers = [quantity]
        return {(key, group): used for (_, key, group), used in self._result((self._question.whole,), cells).items()}

    def _result(
        self, windows: Sequence[Window], cells: Mapping[tuple[int, str, Group], _Cell]
    ) -> dict[tuple[int, str, Group], Quantity]:
        found: dict[tuple[int, str, Group], Quantity] = {}
        for (place, series, group), cell in cells.items():
            definition = self._meters[series].definition
            if definition.aggregation is not Aggregation.TIME_WEIGHTED:
                found[place, definition.key, group] = Quantity(_value(definition.aggregation, cell), cell.events)
        for (series, dimensions), level in self._levels.items():
            group_of = self._group(dimensions)
            if group_of is None:
                continue
            key = self._meters[series].definition.key
            for place, average in enumerate(averages(windows, level.samples, level.runs, level.before)):
                used = cells.get((place, series, group_of))
                if average or used is not None:
                    known = found.get((place, key, group_of))
                    amount = EXACT.add(average, known.quantity) if known else average
                    found[place, key, group_of] = Quantity(amount, used.events if used else 0)
        return found


def _value(kind: Aggregation, cell: _Cell) -> Decimal:
    if kind is Aggregation.LATEST:
        assert cell.newest is not None, "a cell is there because of an event"
        return Decimal(cell.newest.value)
    if kind is Aggregation.UNIQUE:
        return Decimal(exact_sum(cell.numbers)) + len(cell.digests)
    if kind is Aggregation.MAX:
        return Decimal(max(cell.numbers))
    if kind is Aggregation.MIN:
        return Decimal(min(cell.numbers))
    return Decimal(exact_sum(cell.numbers))


def averages(
    windows: Sequence[Window], samples: Iterable[Sample], runs: Iterable[Run], before: Sample | None
) -> list[Decimal]:
    """The average level in each of the adjoining stretches, rounded half up to 12 decimals.

    `runs` have the area (level times seconds) from their first sample to their end; `samples` are those of all hours
    that no stretch has whole, and of the one in which the first stretch begins.
    """
    steps: list[tuple[datetime, str, Sample | Run]] = [(each.at, each.key, each) for each in samples]
    steps += [(each.first_at or each.hour, "", each) for each in runs]
    steps.sort(key=lambda step: step[:2])
    level: int | Decimal = before.value if before else 0
    place, found = 0, []
    for each in windows:
        now, total = each.head_start, Decimal(0)
        while place < len(steps) and steps[place][0] < each.tail_end:
            at, _, step = steps[place]
            place += 1
            if at > now:
                total = EXACT.add(total, EXACT.multiply(Decimal(level), seconds(now, at)))
                now = at
            if isinstance(step, Sample):
                level = step.value
            else:
                total = EXACT.add(total, step.quantity)
                now, level = step.hour + HOUR, step.newest.value
        total = EXACT.add(total, EXACT.multiply(Decimal(level), seconds(now, each.tail_end)))
        average = _DIVIDE.divide(total, seconds(each.head_start, each.tail_end))
        found.append(average.quantize(_UNIT, rounding=ROUND_HALF_UP, context=_DIVIDE))
    return found
