"""The sandbox clock: show it, move it forward, and see what happened on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from autorisen import accounts, ops
from autorisen.console.access import Operator
from autorisen.kit.http import RuntimeDep
from autorisen.kit.problems import Conflict, FieldError, InvalidInput, NotFound, Problem
from autorisen.kit.sandbox_clock import refresh
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from autorisen.ui import flash, render

router = APIRouter(prefix="/clock")
log = structlog.get_logger(__name__)

DAYS_MAX = 400


class ClockIsMoving(Conflict):
    """One advance at a time: two would fight over the order of what falls due."""

    code, title = "clock_is_moving", "The clock is moving already"


@dataclass(frozen=True)
class Journey:
    """One advance of the clock, as far as it has come."""

    began_at: datetime
    target_at: datetime
    reached_at: datetime
    performed: int = 0
    is_over: bool = False
    failure: str = ""

    @property
    def share(self) -> int:
        """How much of the way is done, in thousandths."""
        whole = (self.target_at - self.began_at).total_seconds()
        return round(1000 * (self.reached_at - self.began_at).total_seconds() / whole) if whole else 1000


@dataclass(frozen=True)
class ClockPage:
    """Context of console/clock.html and of its moving part."""

    now: datetime
    wall_now: datetime
    days_ahead: int
    journey: Journey | None
    is_moving: bool
    days: str = "31"
    to: str = ""
    error: str = ""


class ClockHand:
    """Moves the clock of one web process in the background and remembers the last journey."""

    def __init__(self) -> None:
        self.journey: Journey | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_moving(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self, runtime: Runtime, worker: Worker, to: datetime) -> None:
        if self.is_moving:
            raise ClockIsMoving("wait until it has arrived")
        began_at = runtime.clock.now()
        self.journey = Journey(began_at, to, began_at)
        # Kept here: a task that nobody holds may be collected on its way.
        self._task = asyncio.create_task(self._move(runtime, worker, to))

    async def _move(self, runtime: Runtime, worker: Worker, to: datetime) -> None:
        try:
            done = await ops.advance_clock(runtime, worker, to=to, progress=self._note)
            self._update(reached_at=done.ended_at, performed=done.performed)
        except Problem as problem:
            self._update(failure=f"{problem.title}. {problem.detail}")
        except Exception:
            # The page must not wait for ever for a journey that is over.
            log.exception("console.clock_stopped")
            self._update(failure="It stopped on the way; what was reached is kept. The log has the reason.")
        finally:
            self._update(is_over=True)

    def _note(self, reached_at: datetime, performed: int) -> None:
        self._update(reached_at=reached_at, performed=performed)

    def _update(self, **changes: object) -> None:
        assert self.journey is not None, "a journey was started"
        self.journey = replace(self.journey, **changes)  # type: ignore[arg-type]  # fields by name


def hand_of(request: Request) -> ClockHand:
    """The one hand of this process."""
    state = request.app.state
    if not hasattr(state, "clock_hand"):
        state.clock_hand = ClockHand()
    hand = state.clock_hand
    assert isinstance(hand, ClockHand), "set above"
    return hand


@router.get("")
async def clock_page(request: Request, runtime: RuntimeDep, _operator: Operator) -> Response:
    _only_in_sandbox(runtime)
    await refresh(runtime)
    page = _page(request, runtime)
    return render(request, "console/clock.html", page, partial="console/_clock.html")


@router.post("")
async def advance(
    request: Request,
    runtime: RuntimeDep,
    person: Operator,
    days: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
) -> Response:
    _only_in_sandbox(runtime)
    await refresh(runtime)
    hand = hand_of(request)
    try:
        target = read_target(runtime.clock.now(), days=days, to=to, zone=ZoneInfo(person.time_zone))
        hand.start(runtime, Worker(runtime, request.app.state.registry), target)
    except Problem as problem:
        said = problem.errors[0].rule if problem.errors else problem.detail
        page = replace(_page(request, runtime), days=days, to=to, error=said)
        return render(request, "console/clock.html", page, status=problem.status)
    async with runtime.unit() as unit:
        detail = {"to": target.isoformat()}
        await accounts.record_audit(unit, actor=person.actor, action="clock.advanced", target="clock", detail=detail)
    response = RedirectResponse("/console/clock", 303)
    flash(response, "The clock is moving.", tone="info")
    return response


def read_target(now: datetime, *, days: str, to: str, zone: ZoneInfo) -> datetime:
    """The instant that the form asks for: a number of days ahead, or the start of a day. Raises `InvalidInput`."""
    if to:
        try:
            target = datetime.combine(datetime.fromisoformat(to).date(), time(), zone)
        except ValueError:
            raise InvalidInput(errors=[FieldError("/to", "Give a date such as 2026-04-01.")]) from None
    elif days.isascii() and days.isdigit() and len(days) <= len(str(DAYS_MAX)):
        target = now + timedelta(days=int(days))
    else:
        raise InvalidInput(errors=[FieldError("/days", f"Give a number of days from 1 to {DAYS_MAX}.")])
    if not now < target <= now + timedelta(days=DAYS_MAX):
        raise InvalidInput(errors=[FieldError("/days", f"Choose a time within the next {DAYS_MAX} days.")])
    return target


def _page(request: Request, runtime: Runtime) -> ClockPage:
    # The wall first: the clock is never behind it.
    wall_now, now = runtime.wall.now(), runtime.clock.now()
    journey = hand_of(request).journey
    return ClockPage(
        now, wall_now, round((now - wall_now) / timedelta(days=1)), journey, journey is not None and not journey.is_over
    )


def _only_in_sandbox(runtime: Runtime) -> None:
    if not runtime.settings.is_sandbox:
        raise NotFound("only the sandbox has a clock that moves")
