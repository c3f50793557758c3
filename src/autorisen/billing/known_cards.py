"""Saved cards as a person knows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from autorisen.payments import PaymentMethod


def known_cards(methods: Iterable[PaymentMethod]) -> tuple[PaymentMethod, ...]:
    """Each card once, however often it was saved: one and the same by its brand, last digits and expiry.

    Every payment may save the card under another token. All tokens stay, for what is charged by them; of a card's, the
    first one stands for it, which is the default where that is among them.
    """
    found: dict[tuple[str, str, int, int], PaymentMethod] = {}
    for each in methods:
        card = each.card
        found.setdefault((card.brand.lower(), card.last4, card.exp_month, card.exp_year), each)
    return tuple(found.values())
