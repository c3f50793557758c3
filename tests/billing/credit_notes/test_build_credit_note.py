"""What a credit note takes back: to the cent, in whatever parts, and never more than there was. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorisen.billing import Invoice, InvoiceStatus
from autorisen.billing.credit_notes.build_credit_note import build_credit_note, left_of, spread
from autorisen.billing.credit_notes.errors import NothingToCredit, WrongCredit
from autorisen.billing.credit_notes.model import CreditDraft, Credited, Wanted
from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from tests.factories.billing import a_draft, a_line, an_invoice

Taken = dict[UUID, Credited]


def rand(minor: int) -> Money:
    return Money(minor, "ZAR")


def invoice_over(*amounts: int, status: InvoiceStatus = InvoiceStatus.OPEN) -> Invoice:
    lines = [replace(a_line(amount), id=UUID(int=number)) for number, amount in enumerate(amounts, start=1)]
    return an_invoice(a_draft(*lines), status)


def after(taken: Mapping[UUID, Credited], draft: CreditDraft) -> Taken:
    """What is taken back once the draft is issued as well."""
    now = dict(taken)
    for each in draft.lines:
        assert each.line.id is not None
        before = now.get(each.line.id, Credited(rand(0), rand(0)))
        now[each.line.id] = Credited(before.amount + each.amount, before.tax + each.tax)
    return now


def amounts(draft: CreditDraft) -> list[tuple[int, int]]:
    return [(each.amount.minor, each.tax.minor) for each in draft.lines]


def test_the_whole_is_every_line_with_its_vat() -> None:
    draft = build_credit_note(invoice_over(52_900, 0, 12_500, -5_000), {}, Wanted())
    assert amounts(draft) == [(52_900, 6_900), (12_500, 1_630), (-5_000, -652)]
    assert (draft.total, draft.tax, draft.subtotal) == (rand(60_400), rand(7_878), rand(52_522))


def test_vat_of_a_line_in_thirds_is_the_lines_vat() -> None:
    """R1,00 contains 13 cents; three thirds by themselves would give back 4 + 4 + 4."""
    invoice, taken = invoice_over(100), Taken()
    parts = []
    for third in (33, 33, 34):
        draft = build_credit_note(invoice, taken, Wanted(lines={UUID(int=1): rand(third)}))
        parts.append(draft.tax.minor)
        taken = after(taken, draft)
    assert parts == [4, 5, 4]
    assert sum(parts) == invoice.tax.minor == 13
    with pytest.raises(NothingToCredit):
        build_credit_note(invoice, taken, Wanted())


def test_an_amount_is_shared_out_by_what_is_left_of_each_line() -> None:
    draft = build_credit_note(invoice_over(30_000, 10_000), {}, Wanted(amount=rand(10_001)))
    assert amounts(draft) == [(7_501, 978), (2_500, 326)]
    assert build_credit_note(invoice_over(100, 100), {}, Wanted(amount=rand(1))).lines[0].amount == rand(1)


def test_what_takes_back_all_that_is_left_takes_back_every_line() -> None:
    """R60 of the first line is the whole invoice: without the rest of both lines its VAT would be a cent off."""
    invoice = invoice_over(10_000, -4_000)
    draft = build_credit_note(invoice, {}, Wanted(lines={UUID(int=1): rand(6_000)}))
    assert amounts(draft) == [(10_000, 1_304), (-4_000, -522)]
    assert draft.tax == invoice.tax


def test_what_is_due_comes_off_first() -> None:
    invoice = replace(invoice_over(10_000), amount_paid=rand(4_000))
    small, large = (build_credit_note(invoice, {}, Wanted(amount=rand(minor))) for minor in (5_000, 8_000))
    assert (small.due, small.paid_part) == (rand(5_000), rand(0))
    assert (large.due, large.paid_part) == (rand(6_000), rand(2_000))
    paid = build_credit_note(invoice_over(10_000, status=InvoiceStatus.PAID), {}, Wanted())
    assert (paid.due, paid.paid_part) == (rand(0), rand(10_000))


@pytest.mark.parametrize(
    "wanted, field, rule",
    [
        (Wanted(amount=rand(0)), "/amount_minor", "from ZAR 0.01 to ZAR 60.00"),
        (Wanted(amount=rand(-1)), "/amount_minor", "from ZAR 0.01 to ZAR 60.00"),
        (Wanted(amount=rand(6_001)), "/amount_minor", "from ZAR 0.01 to ZAR 60.00"),
        (Wanted(lines={}), "/lines", "must name a line"),
        (
            Wanted(lines={UUID(int=1): rand(10_001)}),
            f"/lines/{public_id('iln', UUID(int=1))}",
            "from ZAR 0.01 to ZAR 100.00",
        ),
        (
            Wanted(lines={UUID(int=1): rand(0)}),
            f"/lines/{public_id('iln', UUID(int=1))}",
            "from ZAR 0.01 to ZAR 100.00",
        ),
        (Wanted(lines={UUID(int=2): rand(-1)}), f"/lines/{public_id('iln', UUID(int=2))}", "nothing left"),
        (Wanted(lines={UUID(int=9): rand(1)}), f"/lines/{public_id('iln', UUID(int=9))}", "nothing left"),
        (Wanted(lines={UUID(int=1): rand(6_001)}), "/lines", "more than what is left"),
    ],
)
def test_what_can_not_be_taken_back_is_said_by_field(wanted: Wanted, field: str, rule: str) -> None:
    with pytest.raises(WrongCredit) as raised:
        build_credit_note(invoice_over(10_000, -4_000), {}, wanted)
    (error,) = raised.value.errors
    assert (error.field, rule in error.rule) == (field, True)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    charges = draw(st.lists(st.integers(1, 300_000), min_size=1, max_size=5))
    credits = draw(st.lists(st.integers(-30_000, 0), max_size=3))
    total = sum(charges) + sum(credits)
    return invoice_over(*charges, *credits) if total > 0 else invoice_over(*charges)


@given(invoices(), st.data())
def test_in_whatever_parts_it_is_the_invoice_to_the_cent(invoice: Invoice, data: st.DataObject) -> None:
    """Goal: fully credited, the notes' VAT is the invoice's. Method: any parts by line or amount, then the rest."""
    taken, total, tax = Taken(), 0, 0
    for _ in range(data.draw(st.integers(0, 5))):
        left = invoice.total.minor - total
        if left == 0:
            break
        room = {line.id: left_of(line, taken).minor for line in invoice.lines}
        open_lines = sorted(id for id, minor in room.items() if id and 0 < minor <= left)
        by_line = data.draw(st.booleans())
        if open_lines and by_line:
            id = data.draw(st.sampled_from(open_lines))
            wanted = Wanted(lines={id: rand(data.draw(st.integers(1, room[id])))})
        else:
            wanted = Wanted(amount=rand(data.draw(st.integers(1, left))))
        draft = build_credit_note(invoice, taken, wanted)
        _check(invoice, taken, draft)
        taken, total, tax = after(taken, draft), total + draft.total.minor, tax + draft.tax.minor
    if total < invoice.total.minor:
        rest = build_credit_note(invoice, taken, Wanted())
        _check(invoice, taken, rest)
        total, tax = total + rest.total.minor, tax + rest.tax.minor
    assert (total, tax) == (invoice.total.minor, invoice.tax.minor)


def _check(invoice: Invoice, taken: Taken, draft: CreditDraft) -> None:
    """Each line stays within what it charges, of its sign, in amount and VAT."""
    assert draft.total == draft.subtotal + draft.tax
    now = after(taken, draft)
    for line in invoice.lines:
        assert line.id is not None
        each = now.get(line.id, Credited(rand(0), rand(0)))
        assert abs(each.amount.minor) <= abs(line.amount.minor)
        assert abs(each.tax.minor) <= abs(line.tax.minor)
        assert each.amount.minor * line.amount.minor >= 0
        if each.amount == line.amount:
            assert each.tax == line.tax


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=8), st.data())
def test_a_share_is_within_its_line_and_all_shares_are_the_amount(room: Sequence[int], data: st.DataObject) -> None:
    whole = sum(room)
    if whole <= 0:
        return
    amount = data.draw(st.integers(1, whole))
    shares = spread([(UUID(int=number), left) for number, left in enumerate(room)], rand(amount))
    assert sum(share.minor for share in shares.values()) == amount
    for number, left in enumerate(room):
        share = shares[UUID(int=number)].minor
        assert min(left, 0) <= share <= max(left, 0)
