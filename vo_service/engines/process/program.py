"""What an engine process is: the program that it runs, and the limits that it runs under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["EngineProgram", "Order"]


@dataclass(frozen=True, slots=True)
class EngineProgram:
    """What engine processes run.

    Attributes
    ----------
    module
        Has a function ``open_processor(scratch, **options)`` that makes a `LocalProcessor`.
    options
        For that function.
    readable
        Folders that may be read, besides Python and its libraries.
    memory_bytes
        Memory of one process.
    all_memory_bytes
        Memory of all processes of a host together.
    idle_bytes
        A process that has more after its query is ended, so that the memory is given back.
    temporary_bytes
        Size of a temporary file.
    open_files
        Descriptors of one process.
    """

    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    memory_bytes: int = 2 * 2**30
    all_memory_bytes: int = 3 * 2**30
    idle_bytes: int = 160 * 2**20
    temporary_bytes: int = 20 * 2**30
    open_files: int = 1024


@dataclass(frozen=True, slots=True)
class Order:
    """A process that is wanted.

    Attributes
    ----------
    program
        That it runs.
    scratch
        Its folder, the only one in which it may write.
    """

    program: EngineProgram
    scratch: Path
