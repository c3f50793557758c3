"""What a change of a subscription costs, and how it is paid: changes, trials, first payments, pauses.

Owns no tables: what is wanted is a subscription, what it costs an invoice. The paid change at once is in `upgrades`.
"""

from autorisen.billing.lifecycle.first_payment import EXPIRE_FIRST_PAYMENT_JOB
from autorisen.billing.lifecycle.trials import END_TRIAL_JOB, REMIND_TRIAL_JOB

__all__ = ["LIFECYCLE_JOBS"]

LIFECYCLE_JOBS = (REMIND_TRIAL_JOB, END_TRIAL_JOB, EXPIRE_FIRST_PAYMENT_JOB)
