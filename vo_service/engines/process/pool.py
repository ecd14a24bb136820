"""The engine processes of a service process: lent to one query each, with one to spare."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.model.table import TableSet
from registry.scratch import ScratchFolder
from vo_service.engines.base import EngineUnavailable
from vo_service.engines.process.launching import EngineHostClient
from vo_service.engines.process.program import EngineProgram
from vo_service.engines.process.worker import EngineProcess, KnownTables
from vo_service.engines.watchdog import Watchdog

__all__ = ["EnginePool"]

_KNOWN: Final = 4
"""Table sets whose frames are kept."""

_REST_S: Final = 5.0
"""Seconds after which a process that nobody needs any more is ended."""


_REST_BYTES: Final = 80 * 2**20
"""A process that has more and rests is replaced by a new one (37 MB): it keeps blocks of files."""


@dataclass(frozen=True, slots=True)
class _Idle:
    """A process that waits for a query: since when, and with how much memory."""

    process: EngineProcess
    since: float
    memory_bytes: int = 0


class EnginePool:
    """Lends engine processes.

    Parameters
    ----------
    program
        That they run.
    folder
        For their temporary files; shared by all processes of an installation.
    spares
        Processes that wait for a query.

    Notes
    -----
    The last one that came back is lent first: its files are open and its memory is warm. Those
    that were not needed for some seconds are ended, and large ones replaced, so that after a burst
    nothing of it stays.
    """

    def __init__(self, program: EngineProgram, folder: Path, spares: int = 1) -> None:
        self._program = program
        self._folder = folder
        self._spares = spares
        self._lock = threading.Lock()
        self._scratch: ScratchFolder | None = None
        self._idle: list[_Idle] = []
        self._tables: OrderedDict[int, KnownTables] = OrderedDict()
        self._numbers = 0
        self._watchdog = Watchdog()
        self._tidying = False
        self._closed = False

    @property
    def program(self) -> EngineProgram:
        """What the processes run."""
        return self._program

    def known(self, tables: TableSet) -> KnownTables:
        """Give a table set as it goes to processes; written once for each set."""
        with self._lock:
            found = self._tables.get(id(tables))
            if found is None:
                self._numbers += 1
                # It is kept as well, so that nothing else gets its identity.
                found = self._tables[id(tables)] = KnownTables.of(self._numbers, tables)
            self._tables.move_to_end(id(tables))
            while len(self._tables) > _KNOWN:
                self._tables.popitem(last=False)
            return found

    def take(self) -> EngineProcess:
        """Lend a process; `give_back` or `discard` must follow.

        Raises
        ------
        EngineUnavailable
            If none can be started.
        """
        while True:
            with self._lock:
                taken = self._idle.pop().process if self._idle else None
            if taken is None:
                taken = self._launch()
            elif not taken.alive:
                taken.end()
                continue
            self._fill()
            return taken

    def give_back(self, process: EngineProcess, memory_bytes: int) -> None:
        """Take a process back whose query is over.

        Parameters
        ----------
        process
            That was lent.
        memory_bytes
            What it uses now.
        """
        if memory_bytes > self._program.idle_bytes:
            self.discard(process)
            return
        with self._lock:
            if not self._closed:
                self._idle.append(_Idle(process, time.monotonic(), memory_bytes))
                self._tidy_later()
                return
        process.end()

    def discard(self, process: EngineProcess) -> None:
        """End a process that was lent."""
        process.end()
        self._fill()

    def close(self) -> None:
        """End the idle processes; those that are lent end when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            scratch, self._scratch = self._scratch, None
        for each in idle:
            each.process.end()
        if scratch is not None:
            scratch.close()

    def _launch(self) -> EngineProcess:
        with self._lock:
            if self._closed:
                raise EngineUnavailable("the service is being stopped; try again later")
            if self._scratch is None:
                # Not before the first query: the web server may fork until then.
                self._scratch = ScratchFolder(self._folder)
            scratch = self._scratch.folder()
        launched = EngineHostClient.of_process().launch(self._program, scratch)
        return EngineProcess(launched, self._program, scratch)

    def _fill(self) -> None:
        """Order processes until there are enough to spare; they start meanwhile."""
        while True:
            with self._lock:
                if self._closed or len(self._idle) >= self._spares:
                    return
                recent = next(reversed(self._tables.values()), None)
            try:
                made = self._launch()
            except EngineUnavailable:
                # The next query tries again, and says so if it cannot.
                return
            if recent is not None:
                with contextlib.suppress(OSError):
                    made.teach(recent)
            with self._lock:
                self._idle.insert(0, _Idle(made, time.monotonic()))

    def _tidy_later(self) -> None:
        if not self._tidying and (
            len(self._idle) > self._spares
            or any(each.memory_bytes > _REST_BYTES for each in self._idle)
        ):
            self._tidying = True
            self._watchdog.alarm(_REST_S, self._tidy)

    def _tidy(self) -> None:
        """End the processes that were not needed for a while, but for small spares."""
        before = time.monotonic() - _REST_S
        with self._lock:
            self._tidying = False
            surplus = max(0, len(self._idle) - self._spares)
            rested = [each for each in self._idle if each.since <= before]
            rested.sort(key=lambda each: each.memory_bytes <= _REST_BYTES)
            ended = [
                each
                for number, each in enumerate(rested)
                if number < surplus or each.memory_bytes > _REST_BYTES
            ]
            self._idle = [each for each in self._idle if each not in ended]
            self._tidy_later()
        for each in ended:
            each.process.end()
        if ended:
            self._fill()
