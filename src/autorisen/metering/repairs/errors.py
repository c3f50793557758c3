"""The rules of repairing that a request can break."""

from __future__ import annotations

from autorisen.kit.problems import Conflict, NotFound


class RejectionNotFound(NotFound):
    title = "There is no such rejected event"


class RejectionIsOver(Conflict):
    """Replayed or discarded before: what became of it stays."""

    code, title = "rejection_is_over", "That rejected event is replayed or discarded already"


class IdentityTaken(Conflict):
    """The repaired event would be a conflict: its source and id belong to another content."""

    code, title = "identity_taken", "That source and id are taken by an event with another content"


class ConflictNotFound(NotFound):
    title = "There is no such conflict"


class ConflictIsOver(Conflict):
    code, title = "conflict_is_over", "That conflict is decided already"
