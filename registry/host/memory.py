"""Memory that a process has freed, given back to the system."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import MutableMapping

__all__ = ["give_back_regularly", "use_system_memory"]

_INTERVAL_S = 5.0
"""Between two looks: a burst is over for so long at most when its memory goes."""


def use_system_memory(environment: MutableMapping[str, str]) -> None:
    """Let Arrow take memory from the C library, before it is imported.

    Parameters
    ----------
    environment
        Of this process; what an operator has chosen there stays.

    Notes
    -----
    Arrow's own allocator keeps what each thread has freed for that thread, without end.
    """
    environment.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def give_back_regularly() -> None:
    """Give what this process has freed back to the system now and then, in a thread.

    The C library keeps freed memory in the heaps of its threads, of which a process that answers
    many at once has many: some hundred MB after a burst of downloads. On systems whose library has
    no ``malloc_trim`` nothing is done.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return

    def work() -> None:
        while True:
            time.sleep(_INTERVAL_S)
            trim(0)

    threading.Thread(target=work, name="memory", daemon=True).start()
