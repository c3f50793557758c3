"""The port to whoever moves the money. One implementation per gateway; the core knows only these words.

The rules an implementation keeps:

- `start_checkout`, `charge`, `refund`: asked twice with the same payment id (`refund`: refund id) they move money once
  and answer the same, for ever. Where a provider forgets idempotency keys (Stripe after a day) or has none, look
  before charging.
  A refusal by the bank is an answer (`Truth` with status failed), not an exception.
- `verify` decides from the raw bytes alone, in constant time, and never trusts a body before its signature.
- `fetch` answers with the present state, so the order of deliveries does not matter. What of it adds up (refunds, the
  gateway's fee, disputes that were won) is the whole until now and never falls; a lower sum is late.
- Anything that may heal by itself is `GatewayUnavailable`; the caller tries again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from autorisen.kit.money import Money
from autorisen.payments.model import Mode, Terms, Truth


class GatewayUnavailable(Exception):
    """The gateway gave no usable answer. Nothing is known; the same question may be asked again."""


class RefundRefused(Exception):
    """The gateway will not send that amount back; a person has to look."""


class Forged(Exception):
    """A delivery that the gateway did not sign for us, or not now. The text is a short reason for the counter."""


class Unreadable(Exception):
    """A genuine delivery whose content can't be understood."""


@dataclass(frozen=True)
class CheckoutOrder:
    """What the payer is to pay on the gateway's page. `payment_id` is the idempotency key."""

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount: Money
    description: str
    return_url: str
    expires_at: datetime


@dataclass(frozen=True)
class HostedPage:
    """The gateway's page for one order. `fields` is empty for a link, else the hidden fields of a form post."""

    provider_id: str
    url: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ChargeOrder:
    """A charge on a saved method with nobody present. `payment_id` is the idempotency key."""

    payment_id: UUID
    customer_id: UUID
    reference: str
    amount: Money
    description: str
    token: str


@dataclass(frozen=True)
class RefundOrder:
    """A part of a payment, or all of it, to go back. `refund_id` is the idempotency key."""

    refund_id: UUID
    payment_id: UUID
    provider_id: str
    amount: Money


@dataclass(frozen=True)
class Lookup:
    """Which payment to fetch: by what the gateway calls it, or by our id when we never heard its name for it.

    `evidence` is the delivery's body, for gateways that confirm a message only when it is sent back to them.
    """

    provider_id: str | None
    payment_id: UUID | None
    evidence: bytes = b""


@dataclass(frozen=True)
class RawDelivery:
    """An inbound request exactly as it came: header names in lower case, the body unparsed, the peer's address."""

    headers: Mapping[str, str]
    body: bytes
    peer: str | None = None


@dataclass(frozen=True)
class Signed:
    """What a verified delivery is called. `event_id` is the identity under which it counts once."""

    event_id: str
    type: str


@dataclass(frozen=True)
class Announcement:
    """What a delivery says. `lookup` is None for news that we know and do not need; `known` is False for a type
    that this implementation has never heard of. `terms` are the delivery's own claims: never applied, but when they
    are not ours, the delivery is parked even if the gateway's present word agrees with us."""

    type: str
    mode: Mode
    lookup: Lookup | None
    known: bool = True
    terms: Terms | None = None


@dataclass(frozen=True)
class PulledEvent:
    """An event from the gateway's own list, in the form in which it would have been delivered."""

    event_id: str
    type: str
    body: bytes


@dataclass(frozen=True)
class Feed:
    """A page of events after a cursor, oldest first. `cursor` is where to go on; `more` says there is more now."""

    events: tuple[PulledEvent, ...]
    cursor: str | None
    more: bool


class Gateway(Protocol):
    """Who moves the money. See the module's docstring for the rules."""

    @property
    def name(self) -> str: ...

    @property
    def mode(self) -> Mode: ...

    async def start_checkout(self, order: CheckoutOrder) -> HostedPage: ...

    async def charge(self, order: ChargeOrder) -> Truth: ...

    async def refund(self, order: RefundOrder) -> Truth:
        """Raises `RefundRefused` when the gateway will not, `GatewayUnavailable` when it can't be asked."""
        ...

    def recognises(self, headers: Mapping[str, str]) -> bool:
        """Whether a delivery without a gateway in its address looks like this one's, by its header names."""
        ...

    def verify(self, delivery: RawDelivery, *, at: datetime) -> Signed:
        """Raises `Forged`. `at` is real time: a simulated month must not make signatures stale."""
        ...

    def read(self, body: bytes) -> Announcement:
        """Raises `Unreadable`."""
        ...

    async def fetch(self, lookup: Lookup) -> Truth | None:
        """None when the gateway knows no such payment. Raises `GatewayUnavailable`."""
        ...

    async def list_since(self, cursor: str | None) -> Feed:
        """Events after a cursor, from the start when it is None. Raises `GatewayUnavailable`."""
        ...
