"""Send a payer to a hosted page to pay for one reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit
from uuid import UUID

from autorisen.kit.ids import public_id
from autorisen.kit.money import Money
from autorisen.kit.unit import Runtime, Unit
from autorisen.payments import store
from autorisen.payments.errors import AlreadyPaid, GatewayDown, PaymentInProgress, PaymentUnclear
from autorisen.payments.gateway import CheckoutOrder, Gateway, GatewayUnavailable, Lookup
from autorisen.payments.gateways import checkout_gateway, gateway_named
from autorisen.payments.inbox.settle_or_park import settle_or_park
from autorisen.payments.model import SETTLED, Checkout, Payment, PaymentKind

CHECKOUT_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class _Purchase:
    customer_id: UUID
    reference: str
    amount: Money
    description: str
    return_url: str


async def start_checkout(
    runtime: Runtime,
    *,
    customer_id: UUID,
    reference: str,
    amount: Money,
    description: str,
    return_url: str,
) -> Checkout:
    """The hosted page on which `amount` for `reference` can be paid; asked again, the same page while it is open.

    `return_url` is where the payer comes back to, with `?checkout=chk_...` added; coming back proves nothing.
    Takes a `Runtime` and not a `Unit`: the payment is committed before the gateway is asked, and the gateway is asked
    outside any transaction. Raises `AlreadyPaid`, `PaymentInProgress` (a charge of a saved card is on its way, or the
    amount differs), `PaymentUnclear` and `GatewayDown`; after that last one the same call goes on where it stopped.
    """
    gateway = checkout_gateway(runtime)
    purchase = _Purchase(customer_id, reference, amount, description, return_url)
    with told_to_the_payer():
        return await _start(runtime, gateway, purchase)


@contextmanager
def told_to_the_payer() -> Iterator[None]:
    """Turns a gateway that gives no answer into a problem that says what to do (503)."""
    try:
        yield
    except GatewayUnavailable as error:
        raise GatewayDown(detail="nothing was charged; try again in a moment") from error


async def _start(runtime: Runtime, gateway: Gateway, purchase: _Purchase) -> Checkout:
    await _close_expired(runtime, purchase.reference)
    async with runtime.unit() as unit:
        payment, stored = await _open(unit, gateway, purchase)
    if stored.provider_id is not None:
        return stored.checkout
    order = CheckoutOrder(
        payment_id=payment.id,
        customer_id=purchase.customer_id,
        reference=purchase.reference,
        amount=purchase.amount,
        description=purchase.description,
        return_url=stored.checkout.return_url,
        expires_at=stored.checkout.expires_at,
    )
    page = await gateway.start_checkout(order)
    async with runtime.unit() as unit:
        await store.set_checkout_page(
            unit.tx, stored.checkout.id, provider_id=page.provider_id, url=page.url, fields=page.fields
        )
        ready = await store.checkout(unit.tx, stored.checkout.id)
    assert ready is not None
    return ready.checkout


async def _close_expired(runtime: Runtime, reference: str) -> None:
    """Ask the gateway about a page whose time is over, so that a payer who comes back late gets a fresh one."""
    async with runtime.unit() as unit:
        live = next((each for each in await store.payments_for(unit.tx, reference) if each.is_live), None)
        stored = await store.checkout_of_payment(unit.tx, live.id) if live else None
        if live is None or stored is None or unit.now < stored.checkout.expires_at:
            return
    truth = await gateway_named(runtime, live.gateway).fetch(Lookup(stored.provider_id, live.id))
    if truth is None:
        return
    async with runtime.unit() as unit:
        payment = await store.payment(unit.tx, live.id, lock=True)
        assert payment is not None, "payments are never deleted"
        settled = await settle_or_park(unit, payment, truth, cause="the page had expired")
    if settled is None:
        # Only now: the alert has to be committed.
        raise PaymentUnclear(detail="do not pay again; we look into an earlier payment for this and write to you")


async def _open(unit: Unit, gateway: Gateway, purchase: _Purchase) -> tuple[Payment, store.StoredCheckout]:
    """The live payment of the reference and its checkout, or new ones."""
    await store.lock_reference(unit.tx, purchase.reference)
    for earlier in await store.payments_for(unit.tx, purchase.reference):
        if earlier.status in SETTLED:
            raise AlreadyPaid(detail=f"{earlier.description} is paid")
        if earlier.is_live:
            stored = await store.checkout_of_payment(unit.tx, earlier.id)
            if stored is None or earlier.amount != purchase.amount or earlier.gateway != gateway.name:
                raise PaymentInProgress(detail="wait a moment until the payment on its way has come through")
            return earlier, stored
    payment = await store.insert_payment(
        unit.tx,
        payment_id=unit.ids.new(),
        customer_id=purchase.customer_id,
        kind=PaymentKind.CHECKOUT,
        gateway=gateway.name,
        mode=gateway.mode,
        reference=purchase.reference,
        amount=purchase.amount,
        description=purchase.description,
        method_id=None,
        at=unit.now,
    )
    checkout_id = unit.ids.new()
    await store.insert_checkout(
        unit.tx,
        checkout_id=checkout_id,
        payment=payment,
        return_url=_with_checkout(urljoin(unit.settings.base_url + "/", purchase.return_url), checkout_id),
        expires_at=unit.now + CHECKOUT_LIFETIME,
        at=unit.now,
    )
    stored = await store.checkout(unit.tx, checkout_id)
    assert stored is not None
    return payment, stored


def _with_checkout(url: str, checkout_id: UUID) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("checkout", public_id("chk", checkout_id))]
    return urlunsplit(parts._replace(query=urlencode(query)))
