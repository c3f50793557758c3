"""How unpaid invoices are chased: the schedule, the stages, and what to do now. Pure.

The schedule begins when a charge fails, or when an invoice nobody charges is overdue. On each of its days the saved
method is tried again where that can help, and the customer is reminded where it can't; after the last day comes the
past-due policy: a grace in which the plan goes on, then nothing may be used until all is paid, then the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.kit.settings import InvalidSetting, Settings

DAY = timedelta(days=1)
# Nobody loses access, or the plan, in the same run as another step: a worker that was away for weeks begins gently.
SHORTEST_NOTICE = DAY


class Stage(StrEnum):
    """How far the schedule of one invoice has come."""

    COLLECTING = "collecting"  # the days of reminders and retries
    GRACE = "grace"  # all of them are over, the plan still goes on
    SUSPENDED = "suspended"  # nothing may be used until all is paid
    ENDED = "ended"  # the subscription was cancelled; the invoice is still owed


class StepKind(StrEnum):
    """What happens at a step."""

    RETRY = "retry"  # try the saved method where that can help, remind where it can't
    SUSPEND = "suspend"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """How the schedule of an invoice came to its end."""

    PAID = "paid"
    WRITTEN_OFF = "written_off"
    VOID = "void"


@dataclass(frozen=True)
class Policy:
    """The days of reminders and retries, counted from the beginning; then grace; then suspended for so long."""

    days: tuple[int, ...] = (0, 3, 5, 7)
    grace_days: int = 7
    suspended_days: int = 14


@dataclass(frozen=True)
class Step:
    """One entry of the schedule: its number from 0, what is done, and when at the earliest."""

    number: int
    kind: StepKind
    at: datetime


@dataclass(frozen=True)
class Dunning:
    """Where one unpaid invoice stands. It keeps the policy that it began with, whatever the settings become.

    `base_at` is what days are counted from: the beginning, and as much later as it was paused. `done` counts the steps
    that are behind it; `next_at` is None while it is paused and once it is over.
    """

    invoice_id: UUID
    subscription_id: UUID
    customer_id: UUID
    policy: Policy
    began_at: datetime
    base_at: datetime
    done: int
    stage: Stage
    next_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    ended_at: datetime | None
    outcome: Outcome | None

    @property
    def public_id(self) -> str:
        """The invoice's: there is one schedule each."""
        return public_id("inv", self.invoice_id)

    @property
    def is_running(self) -> bool:
        return self.ended_at is None and self.paused_at is None

    @property
    def waiting(self) -> tuple[Step, ...]:
        """The steps that are still to come, unless it is paid before."""
        return () if self.ended_at is not None else schedule(self.policy, self.base_at)[self.done :]


@dataclass(frozen=True)
class Decision:
    """What is done now, and the schedule as it stands after it. `steps` are those that this run covers."""

    steps: tuple[Step, ...]
    kind: StepKind | None
    after: Dunning


def policy_of(settings: Settings) -> Policy:
    """The policy that the settings ask for. Raises `InvalidSetting`."""
    try:
        days = tuple(int(day) for day in settings.dunning_days.split(","))
    except ValueError:
        raise InvalidSetting(f"DUNNING_DAYS is {settings.dunning_days!r}; use days like 0,3,5,7") from None
    if days[0] != 0 or list(days) != sorted(set(days)) or days[-1] > 365:
        raise InvalidSetting(f"DUNNING_DAYS is {settings.dunning_days!r}; begin with 0 and rise, up to 365")
    for name, value in (
        ("DUNNING_GRACE_DAYS", settings.dunning_grace_days),
        ("DUNNING_SUSPENDED_DAYS", settings.dunning_suspended_days),
    ):
        if not 0 <= value <= 365:
            raise InvalidSetting(f"{name} is {value}; use a number from 0 to 365")
    return Policy(days, settings.dunning_grace_days, settings.dunning_suspended_days)


def schedule(policy: Policy, base_at: datetime) -> tuple[Step, ...]:
    """Every step from the first reminder to the end of the subscription."""
    retries = [(StepKind.RETRY, day) for day in policy.days]
    suspend = policy.days[-1] + policy.grace_days
    all_of_them = [*retries, (StepKind.SUSPEND, suspend), (StepKind.CANCEL, suspend + policy.suspended_days)]
    return tuple(Step(number, kind, base_at + day * DAY) for number, (kind, day) in enumerate(all_of_them))


def begin(policy: Policy, *, invoice_id: UUID, subscription_id: UUID, customer_id: UUID, at: datetime) -> Dunning:
    """A schedule at its very beginning: its first step is due now."""
    return Dunning(
        invoice_id=invoice_id,
        subscription_id=subscription_id,
        customer_id=customer_id,
        policy=policy,
        began_at=at,
        base_at=at,
        done=0,
        stage=Stage.COLLECTING,
        next_at=schedule(policy, at)[0].at,
        paused_at=None,
        paused_by=None,
        ended_at=None,
        outcome=None,
    )


def decide(dunning: Dunning, now: datetime) -> Decision:
    """What is to be done now. Nothing while it is paused, over, or not due.

    Steps of one kind that were missed are one: time that jumps over four retries gives one charge, not four. A step
    of another kind waits for the shortest notice after it.
    """
    waiting = dunning.waiting
    if not dunning.is_running or not waiting or dunning.next_at is None or now < dunning.next_at:
        return Decision((), None, dunning)
    kind = waiting[0].kind
    covered = (waiting[0], *_also_due(waiting[1:], kind, now))
    rest = waiting[len(covered) :]
    next_at = _when(rest[0], kind, now) if rest else None
    stage = _stage(kind, rest)
    return Decision(covered, kind, replace(dunning, done=dunning.done + len(covered), stage=stage, next_at=next_at))


def _also_due(steps: Iterable[Step], kind: StepKind, now: datetime) -> tuple[Step, ...]:
    found: list[Step] = []
    for step in steps:
        if step.kind is not kind or now < step.at:
            break
        found.append(step)
    return tuple(found)


def _when(step: Step, before: StepKind, now: datetime) -> datetime:
    return step.at if step.kind is before else max(step.at, now + SHORTEST_NOTICE)


def _stage(kind: StepKind, rest: tuple[Step, ...]) -> Stage:
    if kind is StepKind.CANCEL:
        return Stage.ENDED
    if kind is StepKind.SUSPEND:
        return Stage.SUSPENDED
    return Stage.COLLECTING if rest[0].kind is StepKind.RETRY else Stage.GRACE


def pause(dunning: Dunning, by: str, at: datetime) -> Dunning:
    """Nothing happens until it is resumed."""
    return replace(dunning, next_at=None, paused_at=at, paused_by=by)


def resume(dunning: Dunning, at: datetime) -> Dunning:
    """Go on where it was paused: the days that are left are as long as they were."""
    assert dunning.paused_at is not None, "only what is paused is resumed"
    base_at = dunning.base_at + (at - dunning.paused_at)
    steps = schedule(dunning.policy, base_at)
    waiting = steps[dunning.done :]
    before = steps[max(dunning.done - 1, 0)].kind
    next_at = max(_when(waiting[0], before, at), at) if waiting else None
    return replace(dunning, base_at=base_at, paused_at=None, paused_by=None, next_at=next_at)


def end(dunning: Dunning, outcome: Outcome, at: datetime) -> Dunning:
    """It is over."""
    return replace(dunning, ended_at=at, outcome=outcome, next_at=None, paused_at=None, paused_by=None)


@dataclass(frozen=True)
class Attempt:
    """The newest payment attempt of an invoice, as far as it says whether another one can help."""

    is_live: bool
    is_settled: bool
    method_id: UUID | None
    failure_code: str | None


def why_no_charge(attempts: Iterable[Attempt], method_id: UUID | None, hard_declines: frozenset[str]) -> str | None:
    """Why the saved method is not charged now, in words for the operator; None when a charge can help.

    A hard decline is the bank's last word about that method: asked again it says the same, and thinks worse of us.
    """
    if method_id is None:
        return "no saved method"
    for each in attempts:
        if each.is_settled:
            return "it is paid"
        if each.is_live:
            return "a payment is under way"
        if each.method_id == method_id and each.failure_code in hard_declines:
            return f"the bank refused this method for good: {each.failure_code}"
    return None
