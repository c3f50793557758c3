"""One class per broken rule of revenue."""

from __future__ import annotations

from autorisen.kit.problems import Conflict


class RevenueBeingCounted(Conflict):
    """A file has no place to say that it ends before now."""

    code, title = "revenue_being_counted", "The revenue is still being counted"
