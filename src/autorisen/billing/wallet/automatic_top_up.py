"""Automatic top-up: below a threshold the saved card is charged, at most so often, never two at a time."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from autorisen import accounts, payments
from autorisen.billing.wallet import store, store_top_ups
from autorisen.billing.wallet.errors import TopUpRefused
from autorisen.billing.wallet.facts import CreditsFell
from autorisen.billing.wallet.mail_credits import mail_low, mail_top_up_failed
from autorisen.billing.wallet.model import (
    DAY,
    FAILURES_MAX,
    NOTICE_BELOW,
    PER_DAY_MAX,
    TOP_UP_LIMITS,
    AutomaticTopUp,
    GrantKind,
    TopUp,
    TopUpStatus,
    balance,
    fell_below,
    should_top_up,
)
from autorisen.kit.money import Money
from autorisen.kit.problems import FieldError
from autorisen.kit.unit import Unit


async def set_automatic_top_up(
    unit: Unit, *, customer_id: UUID, enabled: bool, threshold: Money, amount: Money, per_day: int, actor: str
) -> AutomaticTopUp:
    """Agree to automatic top-ups, change their terms, or stop them; a balance that is low already is topped up now.

    Raises `TopUpRefused`, and `payments.NoSavedMethod` when there is no card to charge.
    """
    customer = await accounts.customer(unit.tx, customer_id)
    _check(customer.currency, threshold, amount, per_day)
    if enabled and await payments.default_method(unit.tx, customer_id) is None:
        raise payments.NoSavedMethod("top up once by hand; the card that you use then is charged later")
    setting = AutomaticTopUp(customer_id, enabled, threshold, amount, per_day, 0, "", unit.now)
    await store_top_ups.set_automatic(unit.tx, setting)
    await accounts.record_audit(
        unit,
        actor=actor,
        action="credits.automatic_top_up",
        target=customer.public_id,
        detail={"enabled": enabled, "threshold": str(threshold), "amount": str(amount), "per_day": per_day},
    )
    await top_up_if_low(unit, customer_id, customer.currency)
    return setting


def _check(currency: str, threshold: Money, amount: Money, per_day: int) -> None:
    least, most = (Money(minor, currency) for minor in TOP_UP_LIMITS[currency])
    errors = []
    if {threshold.currency, amount.currency} != {currency}:
        raise TopUpRefused(errors=[FieldError("/currency", f"must be {currency}, in which you are billed")])
    if amount < least or most < amount:
        errors.append(FieldError("/amount_minor", f"must be {least} to {most}"))
    if not 0 < threshold.minor <= most.minor:
        errors.append(FieldError("/threshold_minor", f"must be more than nothing, and {most} at most"))
    if not 1 <= per_day <= PER_DAY_MAX:
        errors.append(FieldError("/per_day", f"must be 1 to {PER_DAY_MAX}"))
    if errors:
        raise TopUpRefused(errors=errors)


async def on_credits_fell(unit: Unit, fact: CreditsFell) -> None:
    """Top up automatically, or tell the customer that the balance is low: once, when it goes under the threshold."""
    setting = await store_top_ups.automatic(unit.tx, fact.customer_id, fact.currency)
    if setting is not None and setting.enabled:
        await top_up_if_low(unit, fact.customer_id, fact.currency)
        return
    before, after = (Money(minor, fact.currency) for minor in (fact.before_minor, fact.after_minor))
    threshold = Money(NOTICE_BELOW[fact.currency], fact.currency) if setting is None else setting.threshold
    if not fell_below(before, after, threshold):
        return
    # Who never bought credits has nothing to top up: what was given is simply used up.
    if setting is not None or any(
        each.kind is GrantKind.PAID for each in await store.grants_of(unit.tx, fact.customer_id)
    ):
        await mail_low(unit, await accounts.customer(unit.tx, fact.customer_id), after)


async def top_up_if_low(unit: Unit, customer_id: UUID, currency: str) -> TopUp | None:
    """Charge the saved card if the customer agreed to it, the balance is low, and no limit forbids it."""
    setting = await store_top_ups.automatic(unit.tx, customer_id, currency, lock=True)
    assert setting is not None, "automatic top-ups are agreed to, and settings are never deleted"
    left = balance(await store.grants_left(unit.tx, [customer_id]), currency, unit.now)
    latest = await store_top_ups.latest_automatic(unit.tx, customer_id, currency, unit.now - DAY)
    if not should_top_up(setting, left, latest, unit.now):
        return None
    top_up = TopUp(unit.ids.new(), customer_id, setting.amount, True, TopUpStatus.PENDING, "", unit.now, None)
    await store_top_ups.insert_top_up(unit.tx, top_up)
    try:
        await payments.charge_saved_method(
            unit,
            customer_id=customer_id,
            reference=top_up.reference,
            amount=top_up.amount,
            description=f"Automatic top-up: credits of {top_up.amount.format()}",
        )
    except payments.NoSavedMethod:
        reason = "There is no saved card any more."
        await store_top_ups.settle(unit.tx, top_up.id, TopUpStatus.FAILED, unit.now, reason)
        await note_failure(unit, top_up, reason)
    return top_up


async def note_failure(unit: Unit, top_up: TopUp, reason: str) -> None:
    """Count a failed automatic top-up; after two in a row nothing is charged until the customer has looked."""
    currency = top_up.amount.currency
    setting = await store_top_ups.automatic(unit.tx, top_up.customer_id, currency, lock=True)
    assert setting is not None, "automatic top-ups are agreed to, and settings are never deleted"
    failures = setting.failures + 1
    setting = replace(setting, failures=failures, changed_at=unit.now)
    if failures >= FAILURES_MAX:
        setting = replace(setting, enabled=False, off_because=f"{failures} charges in a row failed: {reason}")
    await store_top_ups.set_automatic(unit.tx, setting)
    await mail_top_up_failed(unit, replace(top_up, failure=reason), setting)


async def forget_failures(unit: Unit, top_up: TopUp) -> None:
    """A charge went through: what failed before does not count any more."""
    setting = await store_top_ups.automatic(unit.tx, top_up.customer_id, top_up.amount.currency, lock=True)
    if setting is not None and setting.failures and setting.enabled:
        await store_top_ups.set_automatic(unit.tx, replace(setting, failures=0, changed_at=unit.now))


async def switch_off(unit: Unit, top_up: TopUp, reason: str) -> None:
    """Charge nothing by itself any more, until the customer agrees anew."""
    setting = await store_top_ups.automatic(unit.tx, top_up.customer_id, top_up.amount.currency, lock=True)
    if setting is not None and setting.enabled:
        off = replace(setting, enabled=False, off_because=reason, changed_at=unit.now)
        await store_top_ups.set_automatic(unit.tx, off)
