"""The reference under which an invoice is known to payments and in the books. Pure."""

from __future__ import annotations

from uuid import UUID


def invoice_reference(invoice_id: UUID) -> str:
    """The reference under which payments for an invoice are made."""
    return f"invoice:{invoice_id}"


def invoice_of(reference: str) -> UUID | None:
    """The invoice that a payment's reference names; None for what is not one of ours."""
    kind, _, text = reference.partition(":")
    try:
        return UUID(text) if kind == "invoice" else None
    except ValueError:
        return None
