"""Money that arrived and pays nothing we know. Owns `billing.unapplied_payments` and `billing.unapplied_refunds`."""
