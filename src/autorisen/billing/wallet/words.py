"""Credits in words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autorisen.billing.wallet.model import GrantKind, MovementKind

GRANT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        GrantKind.PAID: "Top-up",
        GrantKind.PROMOTIONAL: "Promotion",
        GrantKind.CREDIT_NOTE: "Credit note",
        GrantKind.GOODWILL: "Goodwill",
    }
)
MOVEMENT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        MovementKind.GRANT: "Added",
        MovementKind.DRAW: "Paid an invoice",
        MovementKind.EXPIRE: "Expired",
        MovementKind.RETURN: "Came back",
        MovementKind.VOID: "Taken back",
        MovementKind.RELEASE: "Given back",
    }
)
