"""The audit: everything recomputed from the facts, in one snapshot, and zero unexplained cents.

Each check is a pure function over streamed rows and lives beside what it is about; this folder holds billing's own and
runs them all. Reports are kept in `billing.audits`, append-only.
"""
