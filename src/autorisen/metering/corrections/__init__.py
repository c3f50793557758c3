"""Voiding and amending events: append-only, with who and why, counted in the same transaction."""

from autorisen.metering.corrections.correct_events import correct_events
from autorisen.metering.corrections.errors import CorrectionRefused
from autorisen.metering.corrections.model import Adjustment, CorrectedUsage, Correction, CorrectionReceipt
from autorisen.metering.corrections.read_corrections import corrections_of_customer, corrections_of_event

__all__ = [
    "Adjustment",
    "CorrectedUsage",
    "Correction",
    "CorrectionReceipt",
    "CorrectionRefused",
    "correct_events",
    "corrections_of_customer",
    "corrections_of_event",
]
