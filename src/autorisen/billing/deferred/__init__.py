"""Deferred revenue: fees are earned by day, whatever they are invoiced for.

Owns the table `recognitions` of the schema `billing` (how far the books are, append-only). Records no facts.

This is the door; the rest of billing enters by it.
"""

from autorisen.billing.deferred.model import DeferredReport, deferred_table
from autorisen.billing.deferred.read_deferred import read_deferred
from autorisen.billing.deferred.recognise import RECOGNISE_JOB, RECOGNISE_SCHEDULE

__all__ = [
    "RECOGNISE_JOB",
    "RECOGNISE_SCHEDULE",
    "DeferredReport",
    "deferred_table",
    "read_deferred",
]
