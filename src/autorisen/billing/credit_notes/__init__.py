"""Credit notes: a claim taken back, whole or in part. Owns `billing.credit_notes` and `billing.credit_note_lines`."""
