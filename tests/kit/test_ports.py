"""Claiming a port: at once, for one process only, with advice when it fails."""

from __future__ import annotations

import socket

import pytest

from autorisen.kit.ports import PortTaken, bind, reachable


def test_a_bound_port_is_taken_at_once() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken) as refused:
            bind("127.0.0.1", port)
    assert f"Port {port} is taken" in str(refused.value)
    assert f"PORT={port + 1} make run" in str(refused.value)


def test_whoever_connects_early_waits_instead_of_being_refused() -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname(), timeout=2) as caller:
        assert caller.getpeername() == listener.getsockname()


def test_an_address_that_is_not_ours_is_explained() -> None:
    with pytest.raises(PortTaken, match="can't be used"):
        bind("192.0.2.1", 8000)
    with pytest.raises(PortTaken, match="is not an address"):
        bind("no such host", 8000)


@pytest.mark.parametrize(
    "host, address",
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("localhost", "localhost")],  # noqa: S104 -- what people set
)
def test_how_this_machine_reaches_itself(host: str, address: str) -> None:
    assert reachable(host) == address
