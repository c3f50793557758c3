"""The broken rules of dunning, each with the answer a caller gets."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, NotFound


class DunningNotFound(NotFound):
    """The invoice was never overdue."""

    title = "Nothing is chased for this invoice"


class DunningOver(Conflict):
    """The invoice is paid, written off or void."""

    code, title = "dunning_over", "Nothing is owed on this invoice any more"


class DunningPaused(Conflict):
    """An operator has paused it."""

    code, title = "dunning_paused", "The chase of this invoice is paused"


class CannotRetry(Conflict):
    """A charge can't help; `detail` says why."""

    code, title = "cannot_retry", "The saved method can't be charged now"
