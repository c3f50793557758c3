"""What a change of many events would do to usage and money: done in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from autorisen import accounts, billing, metering
from autorisen.kit.clock import monotonic
from autorisen.kit.database import Tx
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime, Unit

_SUBJECTS_A_LOOKUP = 1_000
# Called with the customers done and the customers in all.
OnCustomer = Callable[[int, int], None]


@dataclass(frozen=True)
class Adjustment:
    """What a closed period's meter is owed beyond what was billed: the line that the next invoice will have."""

    meter: str
    period_start: datetime
    period_end: datetime
    billed: Decimal
    quantity: Decimal
    amount: Money


@dataclass(frozen=True)
class Standing:
    """The usage of a customer in a stretch of time, and what it costs. None of money without a subscription."""

    quantities: Mapping[str, Decimal]
    cost_so_far: Money | None
    next_invoice: Money | None
    adjustments: tuple[Adjustment, ...]


@dataclass(frozen=True)
class CustomerDifference:
    """One customer without the change and with it."""

    customer: accounts.Customer
    before: Standing
    after: Standing

    def meters(self) -> list[str]:
        """The meters whose quantity would differ."""
        names = sorted({*self.before.quantities, *self.after.quantities})
        return [name for name in names if self.before.quantities.get(name) != self.after.quantities.get(name)]


@dataclass(frozen=True)
class Difference:
    """What would change, by customer in the order of keys; `unknown` are the subjects that are no customer's.

    `seconds` is how long the change itself took to rehearse, so about what it takes for good.
    """

    rehearsal: metering.Rehearsal
    customers: tuple[CustomerDifference, ...]
    unknown: tuple[str, ...]
    seconds: float


class _RolledBack(Exception):
    """Ends the transaction of a rehearsal with nothing stored."""


async def rehearse(
    runtime: Runtime,
    change: Callable[[Unit], Awaitable[metering.Rehearsal]],
    on_customer: OnCustomer | None = None,
) -> Difference:
    """Do `change`, compare every customer that it touches with what others see meanwhile, and roll it back.

    The rows of usage that the change touches are locked until then, so that both sides are of one moment.
    """
    found: list[Difference] = []
    try:
        async with runtime.unit() as unit:
            begun = monotonic()
            rehearsal = await change(unit)
            seconds = monotonic() - begun
            async with runtime.database.read() as outside:
                customers, unknown = await _customers(outside, rehearsal)
                differences = []
                for done, customer in enumerate(customers, start=1):
                    after = await _standing(unit.tx, unit, customer, rehearsal)
                    before = await _standing(outside, unit, customer, rehearsal)
                    differences.append(CustomerDifference(customer, before, after))
                    if on_customer:
                        on_customer(done, len(customers))
            found.append(Difference(rehearsal, tuple(differences), tuple(unknown), seconds))
            raise _RolledBack
    except _RolledBack:
        return found[0]


async def _customers(tx: Tx, rehearsal: metering.Rehearsal) -> tuple[list[accounts.Customer], list[str]]:
    subjects = sorted(rehearsal.subjects)
    known: dict[str, accounts.Customer] = {}
    for place in range(0, len(subjects), _SUBJECTS_A_LOOKUP):
        ids = await accounts.customer_ids_by_key(tx, subjects[place : place + _SUBJECTS_A_LOOKUP])
        customers = await accounts.customers_by_id(tx, ids.values())
        known |= {subject: customers[id] for subject, id in ids.items()}
    unique = {customer.id: customer for customer in known.values()}
    return sorted(unique.values(), key=lambda each: each.key), [each for each in subjects if each not in known]


async def _standing(tx: Tx, unit: Unit, customer: accounts.Customer, rehearsal: metering.Rehearsal) -> Standing:
    start, end = rehearsal.start_at, rehearsal.end_at
    assert start, "there is a customer, so there are events"
    assert end, "as above"
    used = await metering.quantities(tx, customer_id=customer.id, start=start, end=end + timedelta(microseconds=1))
    cost = invoice = None
    adjustments: list[Adjustment] = []
    found = await billing.next_invoice(tx, unit.settings, customer_id=customer.id, now=unit.now)
    if found is not None:
        invoice = found.draft.total
        with suppress(billing.SubscriptionMissing):  # It ended, and its last period is still to be closed.
            cost = (await billing.cost_so_far(tx, customer_id=customer.id, now=unit.now)).total
        late = await billing.find_late_usage(tx, customer_id=customer.id, currency=found.draft.currency, at=unit.now)
        adjustments = [
            Adjustment(
                each.now.meter,
                each.now.period_start,
                each.now.period_end,
                each.billed.quantity,
                each.now.quantity,
                each.amount,
            )
            for each in late
        ]
    return Standing({meter: each.quantity for meter, each in used.items()}, cost, invoice, tuple(adjustments))
