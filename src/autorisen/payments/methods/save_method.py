"""Keep a card that a payer used, so that it can be charged again."""

from __future__ import annotations

from uuid import UUID

from autorisen.kit.unit import Unit
from autorisen.kit.work import record
from autorisen.payments.facts import PaymentMethodSaved
from autorisen.payments.methods import store
from autorisen.payments.model import Card


async def save_method(unit: Unit, *, customer_id: UUID, gateway: str, card: Card) -> None:
    """Save a card as the customer's default; one that is already saved changes nothing."""
    method_id = unit.ids.new()
    added = await store.insert_method(
        unit.tx, method_id=method_id, customer_id=customer_id, gateway=gateway, card=card, at=unit.now
    )
    if added:
        # The card last used is the one the payer has at hand, and the one a failed charge is answered with.
        await store.make_default(unit.tx, customer_id=customer_id, method_id=method_id)
        await record(unit, PaymentMethodSaved(method_id, customer_id, gateway, card.brand, card.last4))
