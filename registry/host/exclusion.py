"""Libraries that are kept out of a process.

Arrow imports pandas when it makes its first array, only to know what a DataFrame is. In a process
that reads one file that is half of the time and of the memory that it takes to start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.importlib import MetaPathFinderProtocol

__all__ = ["exclude"]


class _Without:
    """A finder of modules that does not find one library; all else is its own answer.

    A finder that raises would do for imports, but `importlib.util.find_spec`, by which libraries
    ask whether another one is there, would raise as well; None among the loaded modules is taken
    for the module itself by what is compiled with Cython.
    """

    def __init__(self, finder: MetaPathFinderProtocol, name: str) -> None:
        self._finder = finder
        self._name = name

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == self._name:
            return None
        return self._finder.find_spec(name, path, target)

    def __getattr__(self, name: str) -> object:
        return getattr(self._finder, name)


def exclude(name: str) -> None:
    """Let a library be as if it were not installed, for the rest of the process.

    Parameters
    ----------
    name
        Of the top-level package; nothing happens if it has been imported already.
    """
    if name not in sys.modules:
        sys.meta_path[:] = [_Without(finder, name) for finder in sys.meta_path]
