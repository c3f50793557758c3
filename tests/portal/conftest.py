"""Fixtures of the portal's tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import pytest

from autorisen.accounts import Customer
from autorisen.kit.clock import FrozenClock
from autorisen.kit.unit import Runtime
from autorisen.kit.work import Worker
from tests.factories.accounts import make_member, sign_in
from tests.factories.billing import Shop

Signed = Callable[[], Awaitable[Customer]]


@pytest.fixture
def shop(runtime: Runtime, worker: Worker, client: httpx.AsyncClient, clock: FrozenClock) -> Shop:
    return Shop(runtime, worker, client, clock)


@pytest.fixture
def signed(shop: Shop) -> Signed:
    """Signs the client in as Ann of a new customer on the free plan."""

    async def sign() -> Customer:
        customer = await shop.customer(name="Acme Agents")
        async with shop.runtime.unit() as unit:
            await make_member(unit, customer.id, name="Ann Adams")
        await sign_in(shop.client, shop.runtime)
        return customer

    return sign
