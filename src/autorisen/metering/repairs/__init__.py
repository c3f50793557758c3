"""Mending what did not count: rejected events are replayed, conflicts decided; each once, with who and why."""

from autorisen.metering.repairs.model import (
    BrokenRule,
    ConflictingEvent,
    ConflictStatus,
    Difference,
    RejectedEvent,
    RejectionStatus,
    differences,
)
from autorisen.metering.repairs.read_repairs import (
    ConflictPage,
    RejectedPage,
    broken_rules,
    conflicting_event,
    conflicts_of_event,
    list_conflicts,
    list_rejected,
    rejected_event,
    rejections_of_event,
)
from autorisen.metering.repairs.repair_event import discard_event, replay_event
from autorisen.metering.repairs.replay_rule import BulkReplay, replay_rule
from autorisen.metering.repairs.settle_conflict import dismiss_conflict, take_conflict

__all__ = [
    "BrokenRule",
    "BulkReplay",
    "ConflictPage",
    "ConflictStatus",
    "ConflictingEvent",
    "Difference",
    "RejectedEvent",
    "RejectedPage",
    "RejectionStatus",
    "broken_rules",
    "conflicting_event",
    "conflicts_of_event",
    "differences",
    "discard_event",
    "dismiss_conflict",
    "list_conflicts",
    "list_rejected",
    "rejected_event",
    "rejections_of_event",
    "replay_event",
    "replay_rule",
    "take_conflict",
]
