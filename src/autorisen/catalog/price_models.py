"""How a quantity turns into money: one frozen type per price model, and the parts of a rated line. Pure.

All amounts are minor units (cents) as exact decimals. Bounds, fees and money limits are those of one month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from autorisen.kit.money import Money

ZERO = Decimal(0)


@dataclass(frozen=True)
class Tier:
    """The units up to and with `up_to` (None: all that follow) cost `unit_amount` each, and `fee` once for any."""

    up_to: Decimal | None
    unit_amount: Decimal
    fee: Decimal = ZERO


@dataclass(frozen=True)
class PerUnit:
    """Every unit costs the same."""

    unit_amount: Decimal


@dataclass(frozen=True)
class Graduated:
    """Each unit costs what its own tier says: more use never costs less."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Volume:
    """All units cost what the tier of the whole quantity says: at a bound the total may step down."""

    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class Package:
    """Every begun package of `size` units costs `amount`."""

    size: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Percentage:
    """`rate` (0.015 for 1.5 %) of a metered amount in major units of the price's currency, and `fee` per event."""

    rate: Decimal
    fee: Decimal = ZERO


PriceModel = PerUnit | Graduated | Volume | Package | Percentage

MODEL_NAMES: Mapping[type[PriceModel], str] = {
    PerUnit: "per_unit",
    Graduated: "graduated",
    Volume: "volume",
    Package: "package",
    Percentage: "percentage",
}


class PartKind(StrEnum):
    """What one part of a rated line charges for."""

    UNITS = "units"
    TIER_FEE = "tier_fee"
    PACKAGES = "packages"
    SHARE = "share"
    EVENT_FEE = "event_fee"
    MINIMUM = "minimum"
    CAP = "cap"


@dataclass(frozen=True)
class Part:
    """One part of a rated line: `quantity` at `unit_amount` minor units. The amounts of the parts sum to the line.

    The line is rounded once; `amount` is this part's piece of it, so it may be a cent off its own product. Parts of a
    tier say which: units above `above`, up to and with `up_to`. Packages say their `size`. For the minimum and the cap
    `unit_amount` is the limit.
    """

    kind: PartKind
    quantity: Decimal
    unit_amount: Decimal
    amount: Money
    above: Decimal | None = None
    up_to: Decimal | None = None
    size: Decimal | None = None
