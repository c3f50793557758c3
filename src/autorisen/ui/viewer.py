"""Who looks at the page, as far as a page shell has to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Viewer:
    """The signed-in person. Whoever checks the session puts it at `request.state.viewer`; absent means a visitor.

    `customer_name` is None for an operator who belongs to no customer. Dates are shown in `time_zone` (IANA).
    """

    name: str
    email: str
    customer_name: str | None = None
    is_operator: bool = False
    time_zone: str = "Africa/Johannesburg"

    @property
    def initials(self) -> str:
        words = (self.name or self.email).split()
        return "".join(word[0] for word in words[:2]).upper()
