"""Fixtures of the wallet's tests."""

from __future__ import annotations

import pytest

from autorisen.accounts import Customer
from tests.factories.billing import Shop
from tests.factories.wallet import Purse


@pytest.fixture
async def customer(shop: Shop) -> Customer:
    """A customer on the Free plan."""
    return await shop.customer()


@pytest.fixture
def purse(shop: Shop, customer: Customer) -> Purse:
    return Purse(shop, customer)
