"""What has happened in accounts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from autorisen.kit.work import Fact


@dataclass(frozen=True)
class UserSignedUp(Fact):
    """A person registered, with a customer of their own."""

    user_id: UUID
    customer_id: UUID


@dataclass(frozen=True)
class CustomerCreated(Fact):
    """There is a new customer, who may be billed from now on."""

    customer_id: UUID
    key: str
