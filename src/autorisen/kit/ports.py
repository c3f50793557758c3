"""Claim a TCP port, and say what to do when somebody else has it."""

from __future__ import annotations

import errno
import ipaddress
import socket

BACKLOG = 2048


class PortTaken(Exception):
    """The port can't be had; the message says what to do."""


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises `PortTaken`, also for an address that we can't have.

    It listens at once: two sockets that only bind may share a port without an error. Whoever connects before the web
    process is ready, or while it is started again, waits instead of being refused.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise PortTaken(f"HOST={host} is not an address of this machine.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(_advice(host, port, error)) from None
    return listener


def _advice(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program. Use another port (PORT={port + 1} make run, or "
            f"PORT={port + 1} autorisen up), or find the program with: lsof -i :{port}"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this account has. Use one above 1023, like PORT=8000."
    return f"The address {host}:{port} can't be used: {error.strerror}. Set HOST and PORT."


def reachable(host: str) -> str:
    """The address under which this machine itself reaches a server that listens on `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
