"""What metering should say, from a dictionary of events: computed as the definitions read, with no care for speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction

from autorisen.metering import Aggregation, Dimension, MeterDefinition
from autorisen.metering.filters import Test

START = datetime(2026, 2, 1, tzinfo=UTC)

VALUE = ("input_tokens",)
MODEL = (Dimension("model", ("model",)),)
LARGE = Test(("model",), "eq", "large")
KINDS = [kind for kind in Aggregation if kind is not Aggregation.COUNT]
PLAIN = [MeterDefinition(f"all.{kind}", kind, "u", "llm.completion", kind, VALUE) for kind in KINDS]
GROUPED = [MeterDefinition(f"by.{kind}", kind, "u", "llm.completion", kind, VALUE, None, MODEL) for kind in KINDS]
FILTERED = [MeterDefinition(f"large.{kind}", kind, "u", "llm.completion", kind, VALUE, LARGE) for kind in KINDS]
METERS = [MeterDefinition("all.count", "Count", "u", "llm.completion", Aggregation.COUNT), *PLAIN, *GROUPED, *FILTERED]

Amount = int | Decimal


@dataclass(frozen=True)
class Content:
    """What one event says: its value, minutes after `START`, whose it is, and its model (empty: none)."""

    amount: Amount
    minute: int
    whose: str
    model: str

    @property
    def written(self) -> tuple[str, ...]:
        # 1 and 1.000 are two contents: they are compared as they were written.
        return (str(self.amount), str(self.minute), self.whose, self.model)


@dataclass
class Model:
    """The first content of each id, by a dictionary, and what counts of it."""

    sent: dict[int, Content] = field(default_factory=dict)
    counts: dict[int, Content | None] = field(default_factory=dict)

    def take(self, batch: list[tuple[int, Content]]) -> tuple[int, int, int]:
        """How many are accepted, duplicates and conflicts."""
        found = [0, 0, 0]
        for id, content in batch:
            if id not in self.sent:
                self.sent[id] = self.counts[id] = content
                found[0] += 1
            else:
                found[1 if self.sent[id].written == content.written else 2] += 1
        return found[0], found[1], found[2]

    def used(
        self, meter: MeterDefinition, whose: str, start: int, end: int, model: str | None = None
    ) -> tuple[Decimal, int]:
        """Quantity and events of a meter from minute `start` to `end`, of one model or of all."""
        events = [
            (each.minute, str(id), each)
            for id, each in self.counts.items()
            if each is not None
            and each.whose == whose
            and (meter.filter is None or each.model == "large")
            and (model is None or each.model == model)
        ]
        events.sort(key=lambda event: event[:2])
        inside = [each for minute, _, each in events if start <= minute < end]
        if meter.aggregation is Aggregation.TIME_WEIGHTED:
            groups = {each.model for _, _, each in events} if meter.group_by else {None}
            levels = [
                [each for _, _, each in events if group in (None, each.model)] for group in sorted(groups, key=str)
            ]
            return _exact_sum([_average(level, start, end) for level in levels]), len(inside)
        return _COMBINE[meter.aggregation]([each.amount for each in inside]) if inside else Decimal(0), len(inside)


def _exact_sum(amounts: Sequence[Amount]) -> Decimal:
    with localcontext(Context(prec=100)):
        return sum((Decimal(amount) for amount in amounts), Decimal(0))


_COMBINE: dict[Aggregation, Callable[[list[Amount]], Decimal]] = {
    Aggregation.COUNT: lambda amounts: Decimal(len(amounts)),
    Aggregation.SUM: _exact_sum,
    Aggregation.MAX: lambda amounts: Decimal(max(amounts)),
    Aggregation.MIN: lambda amounts: Decimal(min(amounts)),
    Aggregation.LATEST: lambda amounts: Decimal(amounts[-1]),
    Aggregation.UNIQUE: lambda amounts: Decimal(len(set(amounts))),
}


def _average(events: list[Content], start: int, end: int) -> Decimal:
    """Minute by minute: the level is that of the newest event so far."""
    total = Fraction(0)
    for minute in range(start, end):
        so_far = [each for each in events if each.minute <= minute]
        total += Fraction(so_far[-1].amount) if so_far else 0
    average = total / (end - start)
    with localcontext(Context(prec=100)):
        exact = Decimal(average.numerator) / Decimal(average.denominator)
        return exact.quantize(Decimal("1e-12"), rounding=ROUND_HALF_UP)


def at(minute: int) -> datetime:
    """The time of a minute of the model."""
    return START + timedelta(minutes=minute)
