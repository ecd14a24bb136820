"""Reading a SQLite database whose disk has no room for the files that reading it makes."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

__all__ = ["is_full", "still_engine"]

_SIGNS = ("disk I/O error", "disk is full", "unable to open database file", "No space left")


def is_full(error: OperationalError) -> bool:
    """Tell whether SQLite may have failed for want of room."""
    return any(sign in str(error.orig) for sign in _SIGNS)


def still_engine(path: Path) -> Engine | None:
    """Open a database as it lies there; nothing if its last changes are in another file.

    Parameters
    ----------
    path
        Of the database. Without a log of writes beside it, it is whole by itself; then nobody has
        it open, and on a full disk nobody begins to write.
    """
    log = path.with_name(f"{path.name}-wal")
    if not path.exists() or (log.exists() and log.stat().st_size > 0):
        return None
    url = f"sqlite:///file:{path}?immutable=1&uri=true"
    return create_engine(url, poolclass=NullPool, hide_parameters=True)
