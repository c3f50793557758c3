"""People whom the tests of accounts share."""

from __future__ import annotations

import pytest

from autorisen.kit.unit import Runtime
from tests.factories.accounts import make_customer, make_member


@pytest.fixture
async def ann(runtime: Runtime) -> None:
    """Ann, a member of Acme, with the password of the factories."""
    async with runtime.unit() as unit:
        await make_member(unit, (await make_customer(unit)).id)
