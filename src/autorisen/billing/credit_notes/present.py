"""A credit note in words and figures for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from autorisen.billing.credit_notes.model import CreditDraft, CreditNote, Settlement
from autorisen.billing.document.present import Step

SETTLEMENT_WORDS = {
    Settlement.DUE: "taken off what was due",
    Settlement.REFUND: "sent back the way it was paid",
    Settlement.CREDIT: "kept as credit for the next invoice",
}


def settlement_text(note: CreditNote) -> str:
    """What became of the money, part by part."""
    said = []
    if note.due:
        said.append(f"{note.due.format()} {SETTLEMENT_WORDS[Settlement.DUE]}")
    if note.paid_part:
        said.append(f"{note.paid_part.format()} {SETTLEMENT_WORDS[note.settlement]}")
    return ", ".join(said)


def credit_steps(notes: Iterable[CreditNote]) -> tuple[Step, ...]:
    """What credit notes add to an invoice's timeline."""
    return tuple(
        Step(note.issued_at, f"Credited {note.total.format()}", f"by {note.number}", "warning") for note in notes
    )


def what_follows(draft: CreditDraft, settlement: Settlement) -> str:
    """What issuing this draft will do, before somebody does it."""
    said = []
    if draft.due:
        said.append(f"{draft.due.format()} comes off what is due")
    if draft.paid_part and settlement is Settlement.CREDIT:
        said.append(f"{draft.paid_part.format()} stays as credit, which pays for the next invoice first")
    elif draft.paid_part:
        said.append(f"{draft.paid_part.format()} goes back through the gateway, less what went back already")
    return "; ".join(said) + "."
