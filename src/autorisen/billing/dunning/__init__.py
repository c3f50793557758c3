"""Dunning: how unpaid invoices are chased, and what that means for access.

Owns the tables `dunnings` (where each unpaid invoice stands) and `dunning_events` (what was done, append-only) of the
schema `billing`. Records no facts. The schedule is pure, in `model`; settings choose its days.

This is the door; the rest of billing enters by it.
"""

from autorisen.billing.dunning.errors import CannotRetry, DunningNotFound, DunningOver, DunningPaused
from autorisen.billing.dunning.jobs import DUNNING_JOBS, DUNNING_SCHEDULE
from autorisen.billing.dunning.listen import on_charge_failed, on_invoice_ended, on_invoice_paid, on_method_saved
from autorisen.billing.dunning.model import Dunning
from autorisen.billing.dunning.operate import pause_dunning, resume_dunning, retry_now
from autorisen.billing.dunning.store import DunningEvent, find_dunning, list_dunnings
from autorisen.billing.dunning.store import events_of as dunning_events
from autorisen.billing.dunning.store import invoices_by_id as dunned_invoices

__all__ = [
    "DUNNING_JOBS",
    "DUNNING_SCHEDULE",
    "CannotRetry",
    "Dunning",
    "DunningEvent",
    "DunningNotFound",
    "DunningOver",
    "DunningPaused",
    "dunned_invoices",
    "dunning_events",
    "find_dunning",
    "list_dunnings",
    "on_charge_failed",
    "on_invoice_ended",
    "on_invoice_paid",
    "on_method_saved",
    "pause_dunning",
    "resume_dunning",
    "retry_now",
]
