"""Which addresses of the network the service may fetch from.

Whoever sends a query chooses the address that the service connects to, and the service may reach
what its users may not: itself, its neighbours, the metadata service of a cloud.
"""

from __future__ import annotations

import ipaddress
import socket

__all__ = ["is_public", "resolve_host"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses that gateways translate to IPv4 (RFC 6052, section 2.1)."""


def resolve_host(host: str, port: int) -> tuple[str, ...]:
    """Ask for the addresses of a host, in the order in which to try them.

    Raises
    ------
    OSError
        If it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet.

    Parameters
    ----------
    address
        As numbers, IPv4 or IPv6.

    Notes
    -----
    The registries of special addresses decide (RFC 6890). Of an IPv6 address that stands for
    one of IPv4 (mapped, NAT64) that one is looked at; of one that goes through a tunnel (6to4,
    Teredo) nothing is known of where it ends, and it is not taken.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.sixtofour is not None or found.teredo is not None:
            return False
        if found.is_site_local:
            return False
        found = _translated(found)
    special = found.is_multicast or found.is_reserved or found.is_unspecified or found.is_private
    return found.is_global and not special


def _translated(address: ipaddress.IPv6Address) -> _Address:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
