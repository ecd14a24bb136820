"""The scripts that make the functions."""

from __future__ import annotations

import hashlib
from importlib import resources

__all__ = ["LIBRARY_VERSION", "install_sql"]

_SCRIPTS = (
    "arithmetic.sql",
    "text.sql",
    "positions.sql",
    "healpix.sql",
    "frames.sql",
    "polygons.sql",
    "shapes.sql",
    "distributions.sql",
)


def install_sql() -> str:
    """Give the script that makes every function, or makes it anew.

    Returns
    -------
    str
        Statements of PostgreSQL, to be run in one transaction, without parameters.

    Notes
    -----
    Functions are replaced, which running queries do not notice. PostgreSQL refuses to replace one
    by another with other parameters or another result: that one gets a name of its own.
    """
    folder = resources.files(__package__)
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return "\n".join(["CREATE SCHEMA IF NOT EXISTS pzvo;\n", *texts])


LIBRARY_VERSION = hashlib.sha256(install_sql().encode()).hexdigest()[:16]
"""Digest of the script: a database whose functions have another one gets them anew."""
