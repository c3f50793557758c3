"""Every credit note: the sum of its lines, posted as it says; and what its invoice says is credited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autorisen import ledger
from autorisen.billing.audit import store_credit_notes as store
from autorisen.billing.audit.model import Lines, compare_postings
from autorisen.billing.audit.store_credit_notes import AuditedCreditLine, AuditedCreditNote
from autorisen.billing.credit_notes.model import Settlement
from autorisen.billing.issue_invoice import REVENUE_ACCOUNTS
from autorisen.billing.model import sum_of
from autorisen.kit.audit import Check, walk
from autorisen.kit.database import Tx
from autorisen.kit.findings import Finding, Findings, amounts_differ
from autorisen.kit.money import Money


def compare_credit_note(
    note: AuditedCreditNote, lines: Sequence[AuditedCreditLine], posted: Mapping[str, Lines]
) -> list[Finding]:
    """One credit note against its lines and the books. Pure."""
    currency = note.total.currency
    return [
        *amounts_differ("credit_total", note.number, sum_of((each.amount for each in lines), currency), note.total),
        *amounts_differ("credit_tax", note.number, sum_of((each.tax for each in lines), currency), note.tax),
        *compare_postings(note.number, {"issued": _due(note, lines)}, posted),
    ]


def _due(note: AuditedCreditNote, lines: Sequence[AuditedCreditLine]) -> Lines:
    nets = {
        account: sum_of(
            (each.amount - each.tax for each in lines if REVENUE_ACCOUNTS[each.kind] == account), note.total.currency
        )
        for account in dict.fromkeys(REVENUE_ACCOUNTS.values())
    }
    chart = ledger.chart
    kept = chart.wallet if note.settlement is Settlement.CREDIT else chart.refunds
    settles = {chart.receivable(note.customer_id): note.due, kept(note.customer_id): note.total - note.due}
    return ledger.postings.credit_note_issued(
        credit_note_id=note.id, number=note.number, nets=nets, tax=note.tax, settles=settles
    ).lines


def compare_credited(row: str, credited: Sequence[Money], notes: Sequence[Sequence[Money]]) -> list[Finding]:
    """What an invoice says is credited of it, of its VAT and of what was due, against its notes. Pure."""
    found: list[Finding] = []
    for place, (name, there) in enumerate(zip(("credited", "credited_tax", "credited_due"), credited, strict=True)):
        due = sum_of((note[place] for note in notes), there.currency)
        found += amounts_differ(f"invoice_{name}", row, due, there)
    return found


async def _run(tx: Tx, findings: Findings) -> None:
    def visit_note(key: str, found: tuple[list[Any], ...]) -> None:
        notes, lines, posted = found
        findings.count(1)
        if notes and lines:
            findings.add(compare_credit_note(notes[0], lines, dict(posted)))
        else:
            found_there = f"{len(notes)} notes, {len(lines)} lines, {len(posted)} transactions"
            findings.add([Finding("credit_note_parts", f"credit note {key}", "a note with lines", found_there)])

    def visit_invoice(_key: str, found: tuple[list[Any], ...]) -> None:
        for number, credited in found[0]:
            findings.add(compare_credited(number, credited, found[1]))

    await walk(visit_note, store.notes(tx), store.lines(tx), ledger.posted(tx, "credit_note"))
    await walk(visit_invoice, store.credited(tx), store.notes_of_invoices(tx))


CHECK_CREDIT_NOTES = Check(
    "credit notes", "a credit note is the sum of its lines, and its invoice knows it", store.count_notes, _run
)
