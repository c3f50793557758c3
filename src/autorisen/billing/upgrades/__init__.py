"""Upgrade by checkout: a draft is quoted, and the plan changes when it is paid. Owns `billing.pending_changes`."""
