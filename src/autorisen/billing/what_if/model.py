"""Who would pay more or less, and how many: pure sums over customers that were rated twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from autorisen import catalog
from autorisen.kit.ids import public_id
from autorisen.kit.money import EXPONENTS, Money

MONTHS_MAX = 24
CUSTOMERS_MAX = 1_000
BIGGEST = 20

# By how much of a hundred, from a fall of half and more to a rise of half and more; the fifth is no change at all.
BUCKETS = (
    "50 % less, or lower still",
    "20 to 50 % less",
    "5 to 20 % less",
    "up to 5 % less",
    "the same",
    "up to 5 % more",
    "5 to 20 % more",
    "20 to 50 % more",
    "50 % more, or higher still",
)
_SAME = 4
_STEPS = (Fraction(5, 100), Fraction(20, 100), Fraction(50, 100))


@dataclass(frozen=True)
class Outcome:
    """One customer's closed periods in one currency, priced twice, VAT included: as they were, and as they would be.

    `unsold` are plans that the file does not sell in that currency and interval: their periods are in neither sum.
    """

    customer_id: UUID
    key: str
    name: str
    periods: int
    before: Money
    after: Money
    unsold: tuple[str, ...]

    @property
    def difference(self) -> Money:
        """What the customer would pay more; negative when it is less."""
        return self.after - self.before


@dataclass(frozen=True)
class Row:
    """An outcome as it is kept from one batch to the next. Amounts are minor units."""

    customer_id: UUID
    key: str
    name: str
    currency: str
    before_minor: int
    after_minor: int

    @property
    def public_id(self) -> str:
        return public_id("cus", self.customer_id)

    @property
    def before(self) -> Money:
        return Money(self.before_minor, self.currency)

    @property
    def after(self) -> Money:
        return Money(self.after_minor, self.currency)

    @property
    def difference(self) -> Money:
        return self.after - self.before

    @property
    def thousandths(self) -> int | None:
        """The difference as a share of what the bill was, half up; None of a bill that was nothing."""
        if not self.before_minor:
            return None
        return (Fraction((self.after_minor - self.before_minor) * 1000, self.before_minor) + Fraction(1, 2)).__floor__()


@dataclass(frozen=True)
class Tally:
    """All outcomes of one currency so far. `buckets` counts customers by `BUCKETS`; `biggest` change most."""

    currency: str
    customers: int = 0
    before_minor: int = 0
    after_minor: int = 0
    unsold: int = 0
    buckets: tuple[int, ...] = (0,) * len(BUCKETS)
    biggest: tuple[Row, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether it can be one of ours, after it was out of our hands."""
        currencies = {self.currency, *(row.currency for row in self.biggest)}
        return len(self.buckets) == len(BUCKETS) and len(currencies) == 1 and self.currency in EXPONENTS

    @property
    def less(self) -> int:
        """How many customers would pay less."""
        return sum(self.buckets[:_SAME])

    @property
    def same(self) -> int:
        return self.buckets[_SAME]

    @property
    def more(self) -> int:
        return sum(self.buckets[_SAME + 1 :])

    @property
    def before(self) -> Money:
        return Money(self.before_minor, self.currency)

    @property
    def after(self) -> Money:
        return Money(self.after_minor, self.currency)

    @property
    def difference(self) -> Money:
        return self.after - self.before


def tally(so_far: Iterable[Tally], outcomes: Iterable[Outcome]) -> tuple[Tally, ...]:
    """What was counted, and these outcomes; one for each currency, sorted."""
    found = {each.currency: each for each in so_far}
    for outcome in outcomes:
        currency = outcome.before.currency
        found[currency] = _count(found.get(currency, Tally(currency)), outcome)
    return tuple(found[currency] for currency in sorted(found))


def _count(so_far: Tally, outcome: Outcome) -> Tally:
    place = bucket_of(outcome.before.minor, outcome.after.minor)
    about = (outcome.customer_id, outcome.key, outcome.name, so_far.currency)
    row = Row(*about, outcome.before.minor, outcome.after.minor)
    rows = sorted((*so_far.biggest, row), key=lambda each: (-abs(each.difference.minor), each.key))
    return Tally(
        currency=so_far.currency,
        customers=so_far.customers + 1,
        before_minor=so_far.before_minor + outcome.before.minor,
        after_minor=so_far.after_minor + outcome.after.minor,
        unsold=so_far.unsold + bool(outcome.unsold),
        buckets=tuple(count + (index == place) for index, count in enumerate(so_far.buckets)),
        biggest=tuple(each for each in rows if each.difference)[:BIGGEST],
    )


def bucket_of(before: int, after: int) -> int:
    """The place in `BUCKETS` of a change; a bill that was nothing and is something now is the last one."""
    if before == after:
        return _SAME
    change = Fraction(after - before, before) if before else Fraction(1)
    steps = 1 + sum(step <= abs(change) for step in _STEPS)
    return _SAME + steps if change > 0 else _SAME - steps


def plans_of_file(file: catalog.CatalogFile, at: datetime) -> Mapping[str, catalog.PlanVersion]:
    """The plans of a catalog file as if they were sold, by key."""
    return {
        draft.plan_key: catalog.PlanVersion(
            id=UUID(int=0),
            plan_key=draft.plan_key,
            version=0,
            name=draft.name,
            tagline=draft.tagline,
            rank=draft.rank,
            is_default=draft.is_default,
            limits=draft.limits,
            features=draft.features,
            prices=draft.prices,
            effective_from=at,
            trial_days=draft.trial_days,
        )
        for draft in file.plans
    }
