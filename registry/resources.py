"""Data files that ship with the service: the folder `config`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["config_folder", "load_toml"]


def config_folder() -> Path:
    """Find the folder with the packaged data, in a checkout as in an installation."""
    return Path(__file__).resolve().parent.parent / "config"


@cache
def load_toml(name: str) -> dict[str, Any]:
    """Read one packaged TOML file, once per process.

    Parameters
    ----------
    name
        File name inside `config`, for example ``product_types.toml``.

    Raises
    ------
    FileNotFoundError
        If the installation lacks the file.
    """
    return tomllib.loads((config_folder() / name).read_text(encoding="utf-8"))
