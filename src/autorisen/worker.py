"""The worker's composition root: every job, every fact with its handlers, and the schedule, in one visible table."""

from __future__ import annotations

from collections.abc import Mapping

from autorisen.kit.work import Fact, Job, Recurring, Registry
from autorisen.kit.work.model import Handler

# One line a job kind: what may be enqueued.
JOBS: tuple[Job, ...] = ()

# One line a fact: who wants to know. An empty tuple says on purpose: nobody.
FACTS: Mapping[type[Fact], tuple[Handler, ...]] = {}

# One line a recurring task: when it falls due.
SCHEDULE: tuple[Recurring, ...] = ()


def registry() -> Registry:
    """All the work that this release knows."""
    return Registry(JOBS, FACTS, SCHEDULE)
