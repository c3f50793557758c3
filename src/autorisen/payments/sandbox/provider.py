"""What the sandbox provider does: pages, charges, steps, refunds, disputes. Each change is told to the merchant."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from autorisen.kit.unit import Unit
from autorisen.kit.work import enqueue
from autorisen.payments.model import Card
from autorisen.payments.sandbox import store
from autorisen.payments.sandbox.cards import Behaviour, CardOnTest, answer
from autorisen.payments.sandbox.model import (
    SUCCESSFUL,
    SandboxCharge,
    SandboxCheckout,
    SandboxMethod,
    answered,
    deciding_charge,
)

DELIVER_KIND = "sandbox.deliver_event"
DISPUTE_KIND = "sandbox.dispute"
DECIDE_KIND = "sandbox.decide_dispute"
DISPUTED_AFTER = timedelta(days=1)
DECIDED_AFTER = timedelta(days=7)

_EVENT_OF = {
    "requires_action": "payment.requires_action",
    "succeeded": "payment.succeeded",
    "failed": "payment.failed",
    "refunded": "payment.refunded",
    "disputed": "payment.disputed",
}


class NotRefundable(Exception):
    """A charge that the merchant can't send back now, or not so much of it."""


# A refused card on the page is not the end of the payment: the payer may try another one.
_ATTEMPT_FAILED = "checkout.attempt_failed"


async def open_checkout(unit: Unit, checkout: SandboxCheckout) -> SandboxCheckout:
    """The page for a payment; for the same idempotency key always the first one."""
    await store.insert_checkout(unit.tx, checkout, at=unit.now)
    opened = await store.checkout_by_key(unit.tx, checkout.idempotency_key)
    assert opened is not None
    return opened


async def pay(unit: Unit, checkout: SandboxCheckout, card: CardOnTest, expiry: tuple[int, int]) -> SandboxCharge:
    """Charge a card that was typed in on the page.

    The caller has locked the checkout and seen that it is not paid, so that two tabs can't both pay; a unique index on
    successful charges stands behind that.
    """
    kept = Card(f"stok_{unit.ids.token(18)}", card.brand, card.last4, *expiry)
    method = SandboxMethod(checkout.customer, card.behaviour.value, kept)
    await store.insert_method(unit.tx, method, at=unit.now)
    said = answer(card.behaviour, payer_is_present=True)
    charge = SandboxCharge(
        id=f"sch_{unit.ids.new().hex}",
        checkout_id=checkout.id,
        merchant_payment_id=checkout.idempotency_key,
        reference=checkout.reference,
        token=kept.token,
        amount_minor=checkout.amount_minor,
        currency=checkout.currency,
        status="failed",
        failure_code=None,
    )
    charge = answered(charge, said.status, said.failure_code)
    await store.insert_charge(unit.tx, charge, idempotency_key=charge.id, at=unit.now)
    await _announce(unit, charge, card.behaviour)
    return charge


async def answer_step(unit: Unit, charge: SandboxCharge, *, approved: bool) -> SandboxCharge:
    """The payer confirms, or denies, a charge at the bank. One that no longer waits stays as it is.

    The caller has locked the checkout and the charge.
    """
    if charge.status != "requires_action":
        return charge
    others = await store.charges_of(unit.tx, charge.merchant_payment_id)
    if any(other.status in SUCCESSFUL for other in others):
        after = answered(charge, "failed", "superseded")
    elif approved:
        after = answered(charge, "succeeded")
    else:
        after = answered(charge, "failed", "authentication_denied")
    await store.update_charge(unit.tx, after)
    await _announce(unit, after, Behaviour.NEEDS_STEP)
    return after


async def charge_token(unit: Unit, charge: SandboxCharge) -> SandboxCharge | None:
    """Charge a saved card with nobody present; for the same payment always the first charge. None: no such token."""
    method = await store.method(unit.tx, charge.token)
    if method is None:
        return None
    behaviour = Behaviour(method.behaviour)
    said = answer(behaviour, payer_is_present=False)
    charged = answered(charge, said.status, said.failure_code)
    is_new = await store.insert_charge(unit.tx, charged, idempotency_key=charge.merchant_payment_id, at=unit.now)
    if is_new:
        await _announce(unit, charged, behaviour)
    return (await store.charges_of(unit.tx, charge.merchant_payment_id))[0]


async def refund(unit: Unit, merchant_payment_id: str, *, idempotency_key: str, amount_minor: int) -> None:
    """Send a part of a charge back, or all of it, as the merchant asks; the same key again changes nothing.

    What a bank asks back already is refused: it would go back twice. Raises `NotRefundable`.
    """
    deciding = deciding_charge(await store.charges_of(unit.tx, merchant_payment_id))
    charge = None if deciding is None else await store.charge(unit.tx, deciding.id, lock=True)
    if charge is None or charge.status == "refunded":
        return
    if not await store.insert_refund(
        unit.tx, idempotency_key=idempotency_key, charge_id=charge.id, amount_minor=amount_minor, at=unit.now
    ):
        return
    if charge.status != "succeeded" or amount_minor > charge.amount_minor - charge.refunded_minor:
        raise NotRefundable
    await _send_back(unit, charge, amount_minor)


async def _send_back(unit: Unit, charge: SandboxCharge, amount_minor: int) -> None:
    await store.add_refunded(unit.tx, charge.id, amount_minor)
    refunded = charge.refunded_minor + amount_minor
    status = "refunded" if refunded == charge.amount_minor else charge.status
    after = replace(charge, status=status, refunded_minor=refunded)
    await store.update_charge(unit.tx, after)
    await _announce(unit, after, None, news=_EVENT_OF["refunded"])


async def dispute(unit: Unit, payload: dict[str, Any]) -> None:
    """The job behind the cards that are disputed: the payer's bank asks the money back."""
    charge = await store.charge(unit.tx, payload["charge_id"], lock=True)
    if charge is None or charge.status != "succeeded":
        return
    after = replace(charge, status="disputed")
    await store.update_charge(unit.tx, after)
    await _announce(unit, after, None)
    method = await store.method(unit.tx, charge.token)
    if method is not None and method.behaviour in (Behaviour.DISPUTE_WON, Behaviour.DISPUTE_LOST):
        decision = {"charge_id": charge.id, "behaviour": method.behaviour}
        await enqueue(unit, DECIDE_KIND, decision, due_at=unit.now + DECIDED_AFTER)


async def decide_dispute(unit: Unit, payload: dict[str, Any]) -> None:
    """The job behind the cards whose dispute comes to an end."""
    charge = await store.charge(unit.tx, payload["charge_id"], lock=True)
    if charge is None or charge.status != "disputed":
        return
    if payload["behaviour"] == Behaviour.DISPUTE_WON:
        await win_dispute(unit, charge)
    else:
        await lose_dispute(unit, charge, charge.amount_minor - charge.refunded_minor)


async def lose_dispute(unit: Unit, charge: SandboxCharge, amount_minor: int) -> None:
    """The bank gives the payer so much of a locked, disputed charge; with all that was left the dispute is over."""
    await _send_back(unit, charge, amount_minor)


async def win_dispute(unit: Unit, charge: SandboxCharge) -> None:
    """The bank decides for the merchant: what is left of a locked, disputed charge is theirs again."""
    after = replace(charge, status="succeeded", disputes_won=charge.disputes_won + 1)
    await store.update_charge(unit.tx, after)
    await _announce(unit, after, None, news="payment.dispute_won")


async def _announce(unit: Unit, charge: SandboxCharge, behaviour: Behaviour | None, news: str = "") -> None:
    """Write the event and the job that delivers it, in the transaction of the change. `news`: not its new status."""
    on_page = charge.checkout_id is not None
    known = _ATTEMPT_FAILED if on_page and charge.status == "failed" else _EVENT_OF[charge.status]
    event_type = news or known
    event_id = f"sev_{unit.ids.new().hex}"
    body = {
        "id": event_id,
        "type": event_type,
        "mode": "test",
        "created_at": unit.now.isoformat(),
        "data": {
            "payment": charge.checkout_id or charge.id,
            "merchant_payment_id": charge.merchant_payment_id,
            "reference": charge.reference,
            "amount_minor": charge.amount_minor,
            "currency": charge.currency,
            "refunded_minor": charge.refunded_minor,
        },
    }
    encoded = json.dumps(body, separators=(",", ":")).encode()
    await store.insert_event(unit.tx, event_id=event_id, type=event_type, body=encoded, at=unit.now)
    await enqueue(unit, DELIVER_KIND, {"event_id": event_id})
    if behaviour is not None and behaviour.is_disputed and charge.status == "succeeded":
        await enqueue(unit, DISPUTE_KIND, {"charge_id": charge.id}, due_at=unit.now + DISPUTED_AFTER)
