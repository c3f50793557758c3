"""What billing knows of one customer's past besides documents: the chase of unpaid invoices, credits that
went, and coupons.

Owns no tables. This is the door, which others enter as `billing.history`.
"""

from autorisen.billing.coupons import Redemption, redemptions_of
from autorisen.billing.history.store import CreditsGone, credits_gone, dunning_events_of

__all__ = ["CreditsGone", "Redemption", "credits_gone", "dunning_events_of", "redemptions_of"]
