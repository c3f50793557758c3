"""What customers are told by mail about their credits. Each mail says what to do, and where."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from autorisen import accounts
from autorisen.billing.wallet.model import AutomaticTopUp, Grant, TopUp
from autorisen.kit.mail import Message, send
from autorisen.kit.money import Money
from autorisen.kit.unit import Unit
from autorisen.ui.formats import LOCALE


async def mail_expiring(unit: Unit, grant: Grant) -> None:
    """Credits end within a week."""
    assert grant.expires_at is not None, "these expire"
    customer = await accounts.customer(unit.tx, grant.customer_id)
    at = grant.expires_at.astimezone(ZoneInfo(customer.time_zone))
    when = format_datetime(at, "d MMMM y, HH:mm", locale=LOCALE)
    await _send(
        unit,
        customer,
        f"{grant.remaining.format()} of your credits expire soon",
        f"{grant.remaining.format()} of your prepaid credits expire on {when} ({customer.time_zone}).\n"
        "Invoices that are issued before then use them first. See what you have:",
    )


async def mail_low(unit: Unit, customer: accounts.Customer, left: Money) -> None:
    """The balance has fallen below what the customer wants to be told of."""
    await _send(
        unit,
        customer,
        f"Your credits are down to {left.format()}",
        f"You have {left.format()} of prepaid credits left. What they do not cover is charged as usual.\n"
        "Top up here, or let it happen automatically:",
    )


async def mail_top_up_failed(unit: Unit, top_up: TopUp, setting: AutomaticTopUp) -> None:
    """An automatic top-up came to nothing; the customer is not there to see it."""
    customer = await accounts.customer(unit.tx, top_up.customer_id)
    next_step = (
        f"We have switched automatic top-up off, because {setting.failures} in a row failed. To switch it on again:"
        if setting.off_because
        else "We try once more when the next credits are used. You can also top up with another card now:"
    )
    await _send(
        unit,
        customer,
        "An automatic top-up did not go through",
        f"We could not charge {top_up.amount.format()} to your saved card: {top_up.failure}\n{next_step}",
    )


async def mail_topped_up(unit: Unit, top_up: TopUp) -> None:
    """The thanks for a top-up. It is no invoice: that comes with what the credits are used for."""
    await _send(
        unit,
        await accounts.customer(unit.tx, top_up.customer_id),
        f"You have {top_up.amount.format()} of new credits",
        f"Thank you: your payment of {top_up.amount.format()} has arrived, and "
        "is yours to use.\nYou get a tax invoice for what it pays, when it pays it. Your credits:",
    )


async def mail_top_up_returned(unit: Unit, top_up: TopUp, amount: Money, taken: Money, *, refunded: bool) -> None:
    """The money of a top-up has gone back, or the payer's bank asks for it: what became of the credits."""
    customer = await accounts.customer(unit.tx, top_up.customer_id)
    used = amount - taken
    what = "was refunded" if refunded else "is disputed at your bank"
    rest = f" {used.format()} had been used for invoices, and is still owed." if used else ""
    await _send(
        unit,
        customer,
        f"{amount.format()} of your top-up {what}",
        f"{amount.format()} of your payment of {top_up.amount.format()} for credits {what}.\n"
        f"We have taken back {taken.format()} of credits that were unused.{rest}\n"
        "Every movement is listed here:",
    )


async def mail_dispute_won(unit: Unit, top_up: TopUp, amount: Money, back: Money) -> None:
    """The bank of a top-up's payer gave in: what was unused of the credits is there again."""
    again = f" {back.format()} of credits are yours to use again." if back else ""
    await _send(
        unit,
        await accounts.customer(unit.tx, top_up.customer_id),
        f"The dispute of your top-up of {top_up.amount.format()} is closed",
        f"Your bank no longer asks {amount.format()} of your payment back.{again}\nEvery movement is listed here:",
    )


async def _send(unit: Unit, customer: accounts.Customer, subject: str, text: str) -> None:
    body = (
        f"Dear {customer.name},\n\n{text}\n\n  {unit.settings.base_url}/app/credits\n\n{unit.settings.supplier_name}\n"
    )
    await send(unit, Message(customer.email, subject, body))
