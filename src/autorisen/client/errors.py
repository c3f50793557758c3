"""What `record` may raise. None of these is ever raised for an event that was kept."""

from __future__ import annotations


class ClientError(Exception):
    """Anything that the client says."""


class InvalidEvent(ClientError, ValueError):
    """The event breaks a rule of the server; nothing was recorded. `field` is a JSON pointer, `rule` what must hold."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field = field
        self.rule = rule


class SpoolFull(ClientError):
    """As many events wait as `max_events` allows; nothing was recorded. Record again when some have been sent."""


class SpoolUnavailable(ClientError):
    """The spool file could not be written (disk full, read-only, locked for too long); nothing was recorded."""


class ClientClosed(ClientError):
    """`close` was called before."""
