"""What one process of the HTTP server takes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ServerLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Bounds of one web process, in the units of their names.

    Attributes
    ----------
    threads
        Requests that are worked on at once.
    connections, connections_per_address
        Open connections. Past them the one that has been idle the longest is closed for a new
        one; only where all of an address are at work is a new one of it refused.
    head_bytes
        Size of a request line with all headers.
    head_timeout_s
        Time in which a request must have come, its body aside.
    idle_timeout_s
        Time for which a connection is kept between requests.
    send_timeout_s
        Time after which a client that takes nothing is given up.
    body_min_bytes_per_s
        Rate below which a client that sends a body is given up.
    stream_min_bytes_per_s
        Rate below which a client is given up while a query or another thread waits for it.
    spool_folder
        Where answers wait that clients do not take.
    spool_bytes, spool_bytes_per_visitor
        Size of what waits there, in all and for one visitor.
    """

    spool_folder: Path
    threads: int = 256
    connections: int = 4096
    connections_per_address: int = 256
    head_bytes: int = 98_304
    head_timeout_s: float = 15.0
    idle_timeout_s: float = 15.0
    send_timeout_s: float = 60.0
    body_min_bytes_per_s: int = 4096
    stream_min_bytes_per_s: int = 32_768
    spool_bytes: int = 8 * 2**30
    spool_bytes_per_visitor: int = 2**30
