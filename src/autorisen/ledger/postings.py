"""What each money fact says in double entry: one function per fact, and nowhere else. Pure.

A debit is positive, a credit negative. The reference makes a fact post once for ever, so each is named after the row
it is about. docs/ledger.md shows these rules as a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from autorisen.kit.money import Money
from autorisen.ledger import chart
from autorisen.ledger.model import Line

# What references begin with: whatever else is posted is no money fact.
KINDS = frozenset({"invoice", "credit_note", "payment", "wallet", "recognition"})


@dataclass(frozen=True)
class Posting:
    """What is to be posted: the reference is unique for ever, the lines sum to zero in each currency."""

    reference: str
    description: str
    lines: tuple[Line, ...]

    @property
    def moves_money(self) -> bool:
        """Whether there is anything to post: what comes to nothing in every account is not."""
        return any(line.amount for line in self.lines)


def invoice_issued(
    *, invoice_id: UUID, number: str, customer_id: UUID, total: Money, nets: Mapping[str, Money], tax: Money
) -> Posting:
    """The customer owes the total: what is earned or deferred, by account and without VAT, and the VAT.

    `nets` and `tax` sum to `total`.
    """
    return Posting(
        f"invoice:{invoice_id}:issued",
        f"Invoice {number}",
        (
            Line(chart.receivable(customer_id), total),
            *(Line(account, -net) for account, net in nets.items()),
            Line(chart.VAT_OUTPUT, -tax),
        ),
    )


def credit_note_issued(
    *, credit_note_id: UUID, number: str, nets: Mapping[str, Money], tax: Money, settles: Mapping[str, Money]
) -> Posting:
    """A claim is taken back: what the invoice credited is debited, by the same accounts and with its VAT.

    `settles` says what the customer gets for it, by account: `receivable` as far as the invoice is not paid, `refunds`
    as far as the money went back already, `unapplied` or `wallet` as far as it is now owed. Both sides sum alike.
    """
    return Posting(
        f"credit_note:{credit_note_id}:issued",
        f"Credit note {number}",
        (
            *(Line(account, net) for account, net in nets.items()),
            Line(chart.VAT_OUTPUT, tax),
            *(Line(account, -amount) for account, amount in settles.items()),
        ),
    )


def invoice_voided(
    *, invoice_id: UUID, number: str, customer_id: UUID, total: Money, nets: Mapping[str, Money], tax: Money
) -> Posting:
    """An issued invoice never was: its posting is turned around."""
    issued = invoice_issued(
        invoice_id=invoice_id, number=number, customer_id=customer_id, total=total, nets=nets, tax=tax
    )
    lines = tuple(Line(line.account, -line.amount) for line in issued.lines)
    return Posting(f"invoice:{invoice_id}:voided", f"Invoice {number} is void", lines)


def invoice_written_off(*, invoice_id: UUID, number: str, customer_id: UUID, owed: Money, tax: Money) -> Posting:
    """Nobody expects the rest of an invoice any more. `owed` contains `tax`, which is no longer due to the state."""
    return Posting(
        f"invoice:{invoice_id}:written_off",
        f"Invoice {number} is written off",
        (
            Line(chart.BAD_DEBT, owed - tax),
            Line(chart.VAT_OUTPUT, tax),
            Line(chart.receivable(customer_id), -owed),
        ),
    )


def write_off_recovered(*, invoice_id: UUID, number: str, customer_id: UUID, owed: Money, tax: Money) -> Posting:
    """A written-off invoice is paid after all: the claim stands again, just before its payment is posted."""
    return Posting(
        f"invoice:{invoice_id}:recovered",
        f"Invoice {number} is paid after it was written off",
        (
            Line(chart.receivable(customer_id), owed),
            Line(chart.BAD_DEBT, tax - owed),
            Line(chart.VAT_OUTPUT, -tax),
        ),
    )


def payment_settled(*, payment_id: UUID, customer_id: UUID, gateway: str, amount: Money, number: str) -> Posting:
    """A payment pays an invoice."""
    return Posting(
        f"payment:{payment_id}:settled",
        f"Payment of invoice {number}",
        (Line(chart.clearing(gateway), amount), Line(chart.receivable(customer_id), -amount)),
    )


def payment_unapplied(*, payment_id: UUID, customer_id: UUID, gateway: str, amount: Money, reason: str) -> Posting:
    """A payment pays nothing that we know: it is owed to the payer."""
    return Posting(
        f"payment:{payment_id}:unapplied",
        f"Payment that pays nothing: {reason}",
        (Line(chart.clearing(gateway), amount), Line(chart.unapplied(customer_id), -amount)),
    )


def payment_refunded(
    *,
    payment_id: UUID,
    customer_id: UUID,
    gateway: str,
    amount: Money,
    number: str | None,
    was_disputed: bool,
    before: Money | None = None,
) -> Posting:
    """Money went back to the payer. `number` is the invoice that it had paid, None for an unapplied payment.

    `before` is what had gone back of the payment already, where it goes back in parts: each part posts once. Also
    how a dispute is lost: the payer has the money, and a credit note or a write-off has to say why.
    """
    owed = chart.unapplied(customer_id) if number is None else chart.refunds(customer_id)
    # A disputed payment has left the clearing account already.
    left = chart.disputed(gateway) if was_disputed else chart.clearing(gateway)
    return Posting(
        f"payment:{payment_id}:refunded" + (f":after:{before.minor}" if before else ""),
        "Refund" if number is None else f"Refund of invoice {number}",
        (Line(owed, amount), Line(left, -amount)),
    )


def dispute_opened(*, payment_id: UUID, gateway: str, amount: Money, number: str | None, ordinal: int = 1) -> Posting:
    """The payer's bank asks money back: it stands apart until that is decided. `ordinal` counts them."""
    return Posting(
        f"payment:{payment_id}:disputed" + (f":{ordinal}" if ordinal > 1 else ""),
        "Dispute" if number is None else f"Dispute of the payment of invoice {number}",
        (Line(chart.disputed(gateway), amount), Line(chart.clearing(gateway), -amount)),
    )


def dispute_won(*, payment_id: UUID, gateway: str, amount: Money, ordinal: int = 1) -> Posting:
    """The bank gives disputed money back to us. A lost dispute is a refund: see `payment_refunded`."""
    return Posting(
        f"payment:{payment_id}:dispute_won" + (f":{ordinal}" if ordinal > 1 else ""),
        "Dispute decided for us",
        (Line(chart.clearing(gateway), amount), Line(chart.disputed(gateway), -amount)),
    )


def gateway_fee(*, payment_id: UUID, gateway: str, fee: Money, before: Money | None = None) -> Posting:
    """What a gateway keeps of a payment. `before` is what it had kept of it already: each part posts once."""
    return Posting(
        f"payment:{payment_id}:fee" + (f":after:{before.minor}" if before else ""),
        f"Fee of {gateway}",
        (Line(chart.GATEWAY_FEES, fee), Line(chart.clearing(gateway), -fee)),
    )


def wallet_topped_up(*, grant_id: UUID, customer_id: UUID, amount: Money, source: str) -> Posting:
    """A customer pays for credits. `source` is the account that pays: a clearing account, or what was unapplied."""
    return Posting(
        f"wallet:{grant_id}:topped_up",
        "Credits bought",
        (Line(source, amount), Line(chart.wallet(customer_id), -amount)),
    )


def wallet_granted(*, grant_id: UUID, customer_id: UUID, amount: Money, reason: str) -> Posting:
    """Credits that nobody paid for."""
    return Posting(
        f"wallet:{grant_id}:granted",
        f"Credits given: {reason}",
        (Line(chart.PROMOTIONS, amount), Line(chart.wallet(customer_id), -amount)),
    )


def wallet_drawn(*, draw_id: UUID, customer_id: UUID, amount: Money, number: str) -> Posting:
    """Credits pay for an invoice, or a part of it."""
    return Posting(
        f"wallet:{draw_id}:drawn",
        f"Credits used for invoice {number}",
        (Line(chart.wallet(customer_id), amount), Line(chart.receivable(customer_id), -amount)),
    )


def wallet_returned(*, return_id: UUID, customer_id: UUID, amount: Money, number: str) -> Posting:
    """An invoice that credits paid for is void: they are back."""
    return Posting(
        f"wallet:{return_id}:returned",
        f"Credits back from invoice {number}",
        (Line(chart.receivable(customer_id), amount), Line(chart.wallet(customer_id), -amount)),
    )


def wallet_voided(*, void_id: UUID, customer_id: UUID, amount: Money, reason: str) -> Posting:
    """Credits that were given are taken back unused."""
    return Posting(
        f"wallet:{void_id}:voided",
        f"Credits taken back: {reason}",
        (Line(chart.wallet(customer_id), amount), Line(chart.PROMOTIONS, -amount)),
    )


def wallet_held_back(*, void_id: UUID, customer_id: UUID, amount: Money, explains: Money, reason: str) -> Posting:
    """Paid credits that are unused can't be spent any more: their money is on its way back to the payer.

    `explains` of it has gone back already, for credits that were in use then.
    """
    return Posting(
        f"wallet:{void_id}:held_back",
        f"Credits taken back: {reason}",
        (
            Line(chart.wallet(customer_id), amount),
            Line(chart.unapplied(customer_id), explains - amount),
            Line(chart.refunds(customer_id), -explains),
        ),
    )


def wallet_released(*, movement_id: UUID, customer_id: UUID, amount: Money) -> Posting:
    """Credits that were taken back while their payment was disputed can be spent again: the dispute was decided."""
    return Posting(
        f"wallet:{movement_id}:released",
        "Credits given back after a dispute",
        (Line(chart.unapplied(customer_id), amount), Line(chart.wallet(customer_id), -amount)),
    )


def wallet_refunded(
    *,
    payment_id: UUID,
    customer_id: UUID,
    gateway: str,
    amount: Money,
    held: Money,
    was_disputed: bool,
    before: Money,
) -> Posting:
    """The payment of a top-up went back. `held` of it were unused credits that were taken back; the rest had been used,
    and waits for a credit note or a write-off. `before` is what had gone back already, as in `payment_refunded`.
    """
    left = chart.disputed(gateway) if was_disputed else chart.clearing(gateway)
    return Posting(
        f"payment:{payment_id}:refunded" + (f":after:{before.minor}" if before else ""),
        "Refund of a top-up",
        (
            Line(chart.unapplied(customer_id), held),
            Line(chart.refunds(customer_id), amount - held),
            Line(left, -amount),
        ),
    )


def wallet_expired(*, expiry_id: UUID, customer_id: UUID, amount: Money, was_paid: bool) -> Posting:
    """Credits ran out of time: what was paid for is earned, what was given costs nothing after all."""
    return Posting(
        f"wallet:{expiry_id}:expired",
        "Credits expired",
        (
            Line(chart.wallet(customer_id), amount),
            Line(chart.REVENUE_BREAKAGE if was_paid else chart.PROMOTIONS, -amount),
        ),
    )


def revenue_deferred(*, day: date, amount: Money) -> Posting:
    """The fees of invoices until the end of a day that no day before had; negative where more was taken back."""
    return Posting(
        f"recognition:{day}:{amount.currency}:deferred",
        f"Fees invoiced until {day}",
        (Line(chart.REVENUE_SUBSCRIPTION, amount), Line(chart.DEFERRED_SUBSCRIPTION, -amount)),
    )


def revenue_recognised(*, day: date, amount: Money) -> Posting:
    """What of the fees was earned until the end of a day and on no day before; negative where more was taken back."""
    return Posting(
        f"recognition:{day}:{amount.currency}:earned",
        f"Fees earned until {day}",
        (Line(chart.DEFERRED_SUBSCRIPTION, amount), Line(chart.REVENUE_SUBSCRIPTION, -amount)),
    )
