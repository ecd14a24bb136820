"""The release that is running."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

__all__ = ["release"]


def release() -> str:
    """Give the version that is installed, or that of the source tree that is run as it is."""
    try:
        return metadata.version("pzvo")
    except metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[1] / "pyproject.toml"
        version: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        return version
