"""Moving subscribers to another version of their plan: who would pay what, and the move itself, announced ahead.

Owns the table `plan_moves` of the schema `billing`. Without it nobody moves: a subscription keeps its version.

This is the door; the rest of billing enters by it.
"""

from autorisen.billing.migration.announce_moves import MOVE_JOB, announce_moves
from autorisen.billing.migration.errors import VersionUnknown
from autorisen.billing.migration.model import Migration, Move, MoveSum
from autorisen.billing.migration.preview_moves import preview_moves

__all__ = [
    "MOVE_JOB",
    "Migration",
    "Move",
    "MoveSum",
    "VersionUnknown",
    "announce_moves",
    "preview_moves",
]
