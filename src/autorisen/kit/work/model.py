"""What work is: facts, jobs, retries and the schedule. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from autorisen.kit.database import Tx
    from autorisen.kit.settings import Settings
    from autorisen.kit.unit import Runtime, Unit
    from autorisen.kit.work.lease import Lease

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Row kinds that the worker itself understands.
FACT_KIND = "fact"
FACTS_KIND = "facts"
HANDLE_KIND = "handle"


@dataclass(frozen=True)
class Fact:
    """Something that happened, in the past tense, recorded in the transaction of its change.

    Subclasses are frozen dataclasses with ids and amounts only (str, int, bool, UUID, datetime, Decimal, None).
    """


Handler = Callable[["Unit", Any], Awaitable[None]]
TransactionRun = Callable[["Unit", dict[str, Any]], Awaitable[None]]
LeasedRun = Callable[["Lease", dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Retry:
    """When a failed job runs again: base x 2^(attempt-1), at most `longest`, up to 20 % jitter; then it is dead."""

    # 20 attempts last about ten hours: longer than a release that is rolled back, or a night's database trouble.
    attempts: int = 20
    base: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(hours=1)

    def delay(self, attempt: int, jitter: int) -> timedelta:
        """The pause after failed attempt number `attempt` (from 1); `jitter` is a random byte, 0 to 255."""
        doubled = min(self.base * (1 << min(attempt - 1, 40)), self.longest)
        return doubled + doubled * jitter / (255 * 5)


@dataclass(frozen=True)
class Job:
    """A kind of background work and how it runs.

    Mode "transaction": `run(unit, payload)`, for local effects. Mode "leased": `run(lease, payload)`, for work that is
    long or talks to the outside; it must end with `async with lease.finish() as unit`.
    """

    kind: str
    run: TransactionRun | LeasedRun
    mode: Literal["transaction", "leased"] = "transaction"
    retry: Retry = field(default_factory=Retry)
    lease: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Recurring:
    """A job kind that falls due at every multiple of `every` (from midnight UTC) plus `offset`.

    Missed times are not made up one by one: the newest due time runs once. Daily ones (and rarer) are also stops of
    the sandbox clock, so that a simulated month has all its nights.
    """

    task: str
    kind: str
    every: timedelta
    offset: timedelta = timedelta(0)

    def latest_due(self, now: datetime) -> datetime:
        """The newest due time that is not after `now`."""
        return _EPOCH + self.offset + (now - _EPOCH - self.offset) // self.every * self.every

    def next_due(self, now: datetime) -> datetime:
        return self.latest_due(now) + self.every

    @property
    def stops_the_clock(self) -> bool:
        return self.every >= timedelta(days=1)


@dataclass(frozen=True)
class Backlog:
    """Work without jobs: the rows that wait, and their due times, are a table of its owner.

    So what is due is never forgotten, and much of it is done at once. `next_due` gives the earliest due time after an
    instant, or at all; `perform` does some of what is due, each time in transactions of its own, and gives how much:
    none when other workers hold all of it. It is performed in order of time with the jobs.
    """

    name: str
    next_due: Callable[[Tx, Settings, datetime | None], Awaitable[datetime | None]]
    perform: Callable[[Runtime], Awaitable[int]]


class UnknownWork(LookupError):
    """A row names a job, fact or handler that this release does not know; it never dies, the right release may come."""


@dataclass(frozen=True)
class Registry:
    """All the work that the worker knows: made in `autorisen.worker`, where one can read it in one place."""

    jobs: tuple[Job, ...]
    facts: Mapping[type[Fact], tuple[Handler, ...]]
    schedule: tuple[Recurring, ...]
    backlogs: tuple[Backlog, ...] = ()

    def __post_init__(self) -> None:
        kinds = [job.kind for job in self.jobs]
        if len(kinds) != len(set(kinds)):
            raise ValueError("two jobs share one kind")
        missing = {recurring.kind for recurring in self.schedule} - set(kinds)
        if missing:
            raise ValueError(f"the schedule names unknown jobs: {sorted(missing)}")

    def job(self, kind: str) -> Job:
        for job in self.jobs:
            if job.kind == kind:
                return job
        raise UnknownWork(f"no job {kind!r} is registered")

    def fact_type(self, name: str) -> type[Fact]:
        for fact_type in self.facts:
            if fact_type.__name__ == name:
                return fact_type
        raise UnknownWork(f"no fact {name!r} is registered")

    def handler(self, fact_name: str, handler_name: str) -> Handler:
        for handler in self.facts[self.fact_type(fact_name)]:
            if name_of(handler) == handler_name:
                return handler
        raise UnknownWork(f"{fact_name} has no handler {handler_name!r}")


def name_of(handler: Handler) -> str:
    """How a handler is named in its row: module and function, so that a rename shows up as unknown work."""
    return f"{handler.__module__}.{handler.__qualname__}"
