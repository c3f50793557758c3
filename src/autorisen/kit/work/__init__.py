"""Background work as rows in PostgreSQL: facts, jobs, a schedule. DESIGN section 5.

Exactness: a job's effect and its completion commit together. In transaction mode they are one transaction, so a local
effect happens once whatever dies; in leased mode (long or foreign work) the completion carries a fencing token, so a
worker that lost its lease can finish nothing; what it asks of a provider carries a key of ours that was stored first.

Why our own: the libraries at hand lose either exactness or the reconnection after a database restart
(docs/decisions/0003-work-in-postgresql.md).
"""

from autorisen.kit.work.enqueue import enqueue, enqueue_many, record, record_many
from autorisen.kit.work.lease import Lease, LeaseLost
from autorisen.kit.work.model import Backlog, Fact, Job, Recurring, Registry, Retry
from autorisen.kit.work.store import JobRow, QueueState
from autorisen.kit.work.worker import Worker

__all__ = [
    "Backlog",
    "Fact",
    "Job",
    "JobRow",
    "Lease",
    "LeaseLost",
    "QueueState",
    "Recurring",
    "Registry",
    "Retry",
    "Worker",
    "enqueue",
    "enqueue_many",
    "record",
    "record_many",
]
