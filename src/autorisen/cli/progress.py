"""Long work on the command line: a bar with rate and time left; without a terminal, a line from time to time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from autorisen.kit.clock import monotonic

LINE_SECONDS = 5.0

# Called with what is done and how much there is in all.
Show = Callable[[int, int], None]


@contextmanager
def progress(what: str, unit: str = "rows") -> Iterator[Show]:
    """Give the function to call with (done, total); what is done at its first call counts for no rate."""
    console = Console(stderr=True)
    pace = _Pace(unit)
    if not console.is_terminal:
        yield _lines(console, what, pace)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None, told="")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, told=pace.told(done, total))

        yield show


def _lines(console: Console, what: str, pace: _Pace) -> Show:
    told_at = monotonic()

    def show(done: int, total: int) -> None:
        nonlocal told_at
        told = pace.told(done, total)
        now = monotonic()
        if now - told_at >= LINE_SECONDS or done == total:
            told_at = now
            left = f", {pace.seconds_left(done, total):,.0f} s left" if done < total else ""
            console.print(f"{what}: {told}{left}", highlight=False, soft_wrap=True)

    return show


class _Pace:
    """How fast it goes, over all of this run."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._began_at = monotonic()
        self._began_with: int | None = None

    def _rate(self, done: int) -> float:
        seconds = monotonic() - self._began_at
        return (done - (self._began_with or 0)) / seconds if seconds > 0 else 0.0

    def told(self, done: int, total: int) -> str:
        if self._began_with is None:
            self._began_with = done
        rate = f", {speed:,.0f} {self._unit}/s" if (speed := self._rate(done)) else ""
        return f"{done:,} of {total:,} {self._unit}{rate}"

    def seconds_left(self, done: int, total: int) -> float:
        return (total - done) / rate if (rate := self._rate(done)) else 0.0
