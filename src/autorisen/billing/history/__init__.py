"""What billing knows of one customer's past besides documents: the chase of unpaid invoices, and credits that went.

Owns no tables. This is the door, which others enter as `billing.history`.
"""

from autorisen.billing.history.store import CreditsGone, credits_gone, dunning_events_of

__all__ = ["CreditsGone", "credits_gone", "dunning_events_of"]
