"""Which gateways this installation has: the one place that knows every implementation."""

from __future__ import annotations

from collections.abc import Mapping

from autorisen.kit.settings import Settings
from autorisen.kit.unit import Runtime
from autorisen.payments.errors import UnknownGateway
from autorisen.payments.gateway import Gateway
from autorisen.payments.model import Mode
from autorisen.payments.sandbox.gateway import SandboxGateway


def mode_of(settings: Settings) -> Mode:
    """Real money in production, test money otherwise; one installation never has both."""
    return Mode.TEST if settings.is_sandbox else Mode.LIVE


def gateways(runtime: Runtime) -> Mapping[str, Gateway]:
    """The gateways that are switched on, by name; the first is the one that new checkouts use."""
    found: list[Gateway] = []
    if runtime.settings.is_sandbox:
        found.append(SandboxGateway(runtime))
    return {gateway.name: gateway for gateway in found}


def gateway_named(runtime: Runtime, name: str) -> Gateway:
    """Raises `UnknownGateway` (404)."""
    gateway = gateways(runtime).get(name)
    if gateway is None:
        raise UnknownGateway(detail="no gateway of that name is switched on here")
    return gateway


def gateway_for_headers(runtime: Runtime, headers: Mapping[str, str]) -> Gateway:
    """The gateway whose kind of signature the headers carry. Raises `UnknownGateway` (404)."""
    for gateway in gateways(runtime).values():
        if gateway.recognises(headers):
            return gateway
    raise UnknownGateway(detail="no gateway here signs its deliveries like that")


def checkout_gateway(runtime: Runtime) -> Gateway:
    """The gateway of new checkouts. Raises `UnknownGateway` when none is switched on."""
    for gateway in gateways(runtime).values():
        return gateway
    raise UnknownGateway(detail="no payment gateway is set up; the operator has to add one")
