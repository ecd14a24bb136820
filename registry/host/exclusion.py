"""Libraries that are kept out of a process.

Arrow imports pandas when it makes its first array, only to know what a DataFrame is. In a process
that reads one file that is half of the time and of the memory that it takes to start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["exclude"]


class _Exclusion:
    """Finds, before anybody else, that there is no such library."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == self._name:
            raise ModuleNotFoundError(f"{name} is kept out of this process", name=name)
        return None


def exclude(name: str) -> None:
    """Let a library be as if it were not installed, for the rest of the process.

    Parameters
    ----------
    name
        Of the top-level package; nothing happens if it has been imported already.
    """
    if name not in sys.modules:
        sys.meta_path.insert(0, _Exclusion(name))
