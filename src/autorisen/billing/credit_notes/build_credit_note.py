"""From an invoice and what is wanted back to the lines of a credit note. Pure.

VAT is taken back cumulatively: of a line of which G of A is taken back, its VAT is taken back by the same fraction,
half up, less what was taken back before. So however a line is taken back, in the end it is the line's VAT to the cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from autorisen.billing.credit_notes.errors import NothingToCredit, WrongCredit
from autorisen.billing.credit_notes.model import CreditDraft, Credited, CreditLine, Wanted
from autorisen.billing.model import Invoice, Line, sum_of
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money, round_half_up
from autorisen.kit.problems import FieldError


def left_of(line: Line, credited: Mapping[UUID, Credited]) -> Money:
    """What may still be taken back of a line, of its sign."""
    before = credited.get(_id(line))
    return line.amount if before is None else line.amount - before.amount


def build_credit_note(invoice: Invoice, credited: Mapping[UUID, Credited], wanted: Wanted) -> CreditDraft:
    """The credit note as it would be issued now. Raises `NothingToCredit` and `WrongCredit`.

    What comes off is first what is due. Whoever takes back all that is left, takes back all that is left of each line.
    """
    lines = [line for line in invoice.lines if left_of(line, credited)]
    left = sum_of((left_of(line, credited) for line in lines), invoice.currency)
    if not Money.zero(invoice.currency) < left:
        raise NothingToCredit(f"all of {invoice.number} is taken back already")
    amounts = _amounts(lines, credited, wanted, left)
    total = sum_of(amounts.values(), invoice.currency)
    if left < total:
        raise WrongCredit(errors=[FieldError("/lines", f"must not sum up to more than what is left: {left}")])
    if total == left:
        amounts = {_id(line): left_of(line, credited) for line in lines}
    taken = tuple(_credit_line(line, amounts[_id(line)], credited) for line in lines if amounts.get(_id(line)))
    due = total if total < invoice.amount_due else invoice.amount_due
    return CreditDraft(taken, invoice.currency, due)


def _amounts(
    lines: Sequence[Line], credited: Mapping[UUID, Credited], wanted: Wanted, left: Money
) -> Mapping[UUID, Money]:
    if wanted.lines is not None:
        return _by_line(lines, credited, wanted.lines)
    if wanted.amount is not None:
        if not 0 < wanted.amount.minor <= left.minor:
            rule = f"must be from {Money(1, left.currency)} to {left}, what is left"
            raise WrongCredit(errors=[FieldError("/amount_minor", rule)])
        return spread([(_id(line), left_of(line, credited).minor) for line in lines], wanted.amount)
    return {_id(line): left_of(line, credited) for line in lines}


def _by_line(
    lines: Sequence[Line], credited: Mapping[UUID, Credited], wanted: Mapping[UUID, Money]
) -> Mapping[UUID, Money]:
    room = {_id(line): left_of(line, credited) for line in lines}
    errors = []
    for id, amount in wanted.items():
        left = room.get(id, Money.zero(amount.currency))
        if not 0 < amount.minor <= left.minor:
            rule = f"must be from {Money(1, left.currency)} to {left}, what is left of it"
            if left.minor <= 0:
                rule = "has nothing left to take back"
            errors.append(FieldError(f"/lines/{public_id('iln', id)}", rule))
    if not wanted:
        errors.append(FieldError("/lines", "must name a line"))
    if errors:
        raise WrongCredit(errors=errors)
    return wanted


def spread(room: Sequence[tuple[UUID, int]], amount: Money) -> dict[UUID, Money]:
    """Share an amount out over lines by what is left of each; whole cents, and exactly the amount.

    No share is beyond what is left of its line, as long as the amount is not beyond the sum. Cents that are over go
    to the largest remainders, of equal ones to the first.
    """
    whole = sum(left for _, left in room)
    exact = [(id, Fraction(amount.minor * left, whole)) for id, left in room]
    shares = {id: int(share // 1) for id, share in exact}
    over = amount.minor - sum(shares.values())
    by_remainder = sorted(exact, key=lambda each: -(each[1] % 1))
    for id, _ in by_remainder[:over]:
        shares[id] += 1
    return {id: Money(share, amount.currency) for id, share in shares.items()}


def _credit_line(line: Line, amount: Money, credited: Mapping[UUID, Credited]) -> CreditLine:
    before = credited.get(_id(line), Credited(Money.zero(amount.currency), Money.zero(amount.currency)))
    taken = before.amount + amount
    tax = round_half_up(Decimal(line.tax.minor) * taken.minor / line.amount.minor)
    return CreditLine(line, amount, Money(tax, amount.currency) - before.tax)


def _id(line: Line) -> UUID:
    assert line.id is not None, "a stored line has an id"
    return line.id
