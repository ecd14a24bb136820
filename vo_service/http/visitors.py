"""Who shares what the service can do: addresses of visitors, seen through the site's proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from registry.host.client import subscriber

__all__ = ["ForwardedHeaders", "TrustedProxies", "address_visitor"]

_FORWARDED = ("HTTP_X_FORWARDED_", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_ORIGINAL_")
_FORWARDED_NAMES = frozenset({"HTTP_SCRIPT_NAME", "HTTP_REMOTE_USER", "REMOTE_USER"})


def address_visitor(address: str) -> str:
    """Name a visitor without an account: by an IPv4 address, or the /64 of an IPv6 address.

    Parameters
    ----------
    address
        As sockets and proxies write it; of what is no address 64 characters count.
    """
    return f"address {subscriber(address)}"


class TrustedProxies:
    """The reverse proxies whose headers are believed.

    Parameters
    ----------
    networks
        Addresses and networks.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(each) for each in networks)

    def __contains__(self, address: object) -> bool:
        """Tell whether an address is one of theirs."""
        try:
            parsed = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def address(self, peer: str, forwarded_for: str) -> str:
        """Give the address of a client.

        Parameters
        ----------
        peer
            The other end of the connection.
        forwarded_for
            The header ``X-Forwarded-For``; it counts from a proxy alone, and only up to the
            first address, from behind, that is none.
        """
        if forwarded_for and peer in self:
            for hop in reversed(forwarded_for.split(",")):
                if hop.strip() and hop.strip() not in self:
                    return _without_port(hop.strip())[:64]
        return peer


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


class ForwardedHeaders:
    """Takes away what only a trusted proxy may say, before the application sees a request.

    Parameters
    ----------
    application
        Of WSGI.
    proxies
        Those that are believed.
    others
        Names of further headers that only they may send.
    """

    def __init__(
        self, application: Callable[..., Any], proxies: TrustedProxies, others: Sequence[str] = ()
    ) -> None:
        self._application = application
        self._proxies = proxies
        self._others = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in others)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        """Answer a request."""
        if environ.get("REMOTE_ADDR", "") not in self._proxies:
            for name in list(environ):
                if name.startswith(_FORWARDED) or name in _FORWARDED_NAMES or name in self._others:
                    del environ[name]
        return self._application(environ, start_response)
