"""Two customers whose people are signed in to browsers of their own, and an operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from autorisen.kit.unit import Runtime
from tests.factories.accounts import ORIGIN, Tenant, make_key, make_tenant, make_user, sign_in
from tests.factories.metering import make_meters

OPERATOR = "olga@operator.example"


@dataclass
class Desks:
    """Browsers by who is signed in; `program` sends events with the keys of the tenants."""

    acme: httpx.AsyncClient
    zulu: httpx.AsyncClient
    operator: httpx.AsyncClient
    program: httpx.AsyncClient
    tenants: dict[str, Tenant]
    operator_key: dict[str, str]
    runtime: Runtime


@pytest.fixture
async def desks(app: FastAPI, runtime: Runtime) -> AsyncIterator[Desks]:
    await make_meters(runtime)
    async with runtime.unit() as unit:
        tenants = {key: await make_tenant(unit, key) for key in ("acme", "zulu")}
        await make_user(unit, email=OPERATOR, name="Olga", operator=True)
        operator_key = await make_key(unit, None)
    async with AsyncExitStack() as stack:
        browsers = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app), base_url=ORIGIN, headers={"Accept": "text/html,*/*"}
                )
            )
            for _ in range(4)
        ]
        for browser, email in zip(browsers, ("ann@acme.example", "ann@zulu.example", OPERATOR), strict=False):
            await sign_in(browser, runtime, email)
        acme, zulu, operator, program = browsers
        yield Desks(acme, zulu, operator, program, tenants, operator_key, runtime)
