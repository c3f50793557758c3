"""The metrics page in Prometheus text: counters of this process, and figures read from the database."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest

from autorisen.kit.unit import Runtime
from autorisen.ops.health import Figures, figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def metrics_text(runtime: Runtime) -> bytes:
    """All metrics. Without the database `autorisen_database_up` is 0 and its figures are left out, not zero."""
    seen = await figures(runtime)
    fresh = CollectorRegistry()
    Gauge("autorisen_database_up", "1 when the database answers", registry=fresh).set(seen is not None)
    for name, value in runtime.database.stats().items():
        Gauge(f"autorisen_database_pool_{name}", "The connection pool's own counter", registry=fresh).set(value)
    if seen is not None:
        _add_figures(fresh, seen)
    return bytes(generate_latest(REGISTRY) + generate_latest(fresh))


def _add_figures(registry: CollectorRegistry, seen: Figures) -> None:
    queue = seen.queue
    jobs = Gauge("autorisen_jobs", "Background jobs by state", ["state"], registry=registry)
    for state in ("due", "later", "leased", "retrying", "dead"):
        jobs.labels(state).set(getattr(queue, state))
    oldest = Gauge("autorisen_oldest_due_job_seconds", "Age of the oldest due job, business time", registry=registry)
    oldest.set(seen.oldest_due_seconds)
    parked = Gauge("autorisen_deliveries_parked", "Inbound webhooks that wait for an operator", registry=registry)
    parked.set(seen.parked_deliveries)
    unapplied = Gauge("autorisen_payments_unapplied", "Payments that pay nothing we know", registry=registry)
    unapplied.set(seen.unapplied_payments)
    Gauge("autorisen_events_stored", "Usage events stored", registry=registry).set(seen.events)
    if seen.reconciliation is not None:
        found = Gauge(
            "autorisen_reconciliation_differences", "Found by the last one and not repaired", registry=registry
        )
        found.set(seen.reconciliation.outstanding)
        at = Gauge("autorisen_reconciliation_timestamp_seconds", "When the last one began", registry=registry)
        at.set(seen.reconciliation.began_at.timestamp())
    if seen.audit is not None:
        Gauge("autorisen_audit_findings", "What the last audit could not explain", registry=registry).set(
            seen.audit.findings
        )
