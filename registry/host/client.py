"""For whom a thread works: a visitor who waits for the answer, or the service itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["WaitingClient", "set_waiting_client", "subscriber", "waiting_client"]

_IPV6_PREFIX = 64
"""Bits of an IPv6 address that a provider gives to one customer, who chooses the rest."""


@dataclass(frozen=True, slots=True)
class WaitingClient:
    """Somebody who waits for what this thread does.

    Attributes
    ----------
    visitor
        Names who shares with others what the host can do; it may raise what refuses their
        credentials.
    watch
        Calls an action once, from another thread, if they go away meanwhile.
    """

    visitor: Callable[[], str]
    watch: Callable[[Callable[[], None]], AbstractContextManager[None]]


_CLIENT: ContextVar[WaitingClient | None] = ContextVar("waiting_client", default=None)


def waiting_client() -> WaitingClient | None:
    """Give who waits for this thread; none if the service works for itself."""
    return _CLIENT.get()


def set_waiting_client(client: WaitingClient | None) -> None:
    """Say for whom this thread works from now on."""
    _CLIENT.set(client)


def subscriber(address: str) -> str:
    """Name who has an address: an IPv4 address, or the /64 of an IPv6 address.

    Parameters
    ----------
    address
        As sockets and proxies write it; of what is no address 64 characters count.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
