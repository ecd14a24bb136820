"""The socket of the service, opened before anything else is started."""

from __future__ import annotations

import socket

__all__ = ["AddressUnavailable", "listen"]

_BACKLOG = 4096
"""Connections that the kernel keeps until they are accepted; it may keep fewer (somaxconn)."""


class AddressUnavailable(Exception):
    """The service cannot listen where it should."""


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of the service, before anything else is started.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.

    Raises
    ------
    AddressUnavailable
        If the address is in use or is not of this machine.
    """
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        msg = (
            f"cannot listen on {host} port {port}: {error.strerror};"
            " choose another with --port (0 takes a free one)"
        )
        raise AddressUnavailable(msg) from error
    listener.set_inheritable(True)
    return listener
