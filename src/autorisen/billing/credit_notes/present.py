"""A credit note in words and figures for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from autorisen.billing.credit_notes.model import CreditDraft, CreditNote, Settlement
from autorisen.billing.document.present import Step
from autorisen.kit.money import Money

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


def what_follows(draft: CreditDraft, settlement: Settlement, gone: Money) -> str:
    """What issuing this draft will do, before somebody does it; `gone` went back without a credit note already."""
    said = []
    if draft.due:
        said.append(f"{draft.due.format()} comes off what is due")
    if draft.paid_part and settlement is Settlement.CREDIT:
        said.append(f"{draft.paid_part.format()} stays as credit, which pays for the next invoice first")
    elif draft.paid_part and gone < draft.paid_part:
        before = f", beside {gone.format()} that went back already" if gone else ""
        said.append(f"{(draft.paid_part - gone).format()} goes back through the gateway{before}")
    elif draft.paid_part:
        said.append(f"{draft.paid_part.format()} went back already, and nothing more is sent")
    return "; ".join(said) + "."
