"""A plan's add-ons as pages show them: each once, with all of its prices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autorisen.catalog.describe_limits import storage_words
from autorisen.catalog.model import AddonPrice, Interval, Price
from autorisen.kit.money import Money
from autorisen.ui.formats import number

_WORDS = {"agents": ("agent", "agents"), "projects": ("project", "projects")}


@dataclass(frozen=True)
class AddonOffer:
    """One add-on of a plan. `adds` says what each of it raises; it is sold where `prices` has an amount."""

    key: str
    name: str
    unit_label: str
    max_quantity: int
    adds: tuple[str, ...]
    prices: Mapping[tuple[str, Interval], Money]


def addon_offers(prices: Iterable[Price]) -> tuple[AddonOffer, ...]:
    """The add-ons among the prices of a plan, in the order of the file."""
    found: dict[str, list[AddonPrice]] = {}
    for price in prices:
        if isinstance(price, AddonPrice):
            found.setdefault(price.key, []).append(price)
    return tuple(
        AddonOffer(
            key=key,
            name=own[0].name,
            unit_label=own[0].unit_label,
            max_quantity=own[0].max_quantity,
            adds=raised_words(own[0]),
            prices={(price.currency, price.interval): price.amount for price in own},
        )
        for key, own in found.items()
    )


def raised_words(addon: AddonPrice) -> tuple[str, ...]:
    """What one of it adds to the limits of its plan: "2 agents", "5 GB of storage"."""
    return tuple(_raise(limit, by) for limit, by in addon.raises)


def _raise(limit: str, by: int) -> str:
    if limit == "storage_mb":
        return f"{storage_words(by)} of storage"
    one, many = _WORDS[limit]
    return f"{number(by)} {one if by == 1 else many}"
