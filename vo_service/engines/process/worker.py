"""One engine process, as the service sees it."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import shutil
import signal
import socket
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from registry.model.table import TableSet
from vo_service.engines.base import (
    EngineError,
    EngineUnavailable,
    QueryCancelled,
    QueryTimeout,
    ResourceExhausted,
)
from vo_service.engines.process.frames import (
    CHECK,
    ERROR,
    FRAME,
    HELLO,
    QUERY,
    TABLES,
    UPLOAD,
    ConnectionOver,
    FrameReader,
    TimeOver,
    frame,
)
from vo_service.engines.process.launching import Launched
from vo_service.engines.process.messages import (
    EngineFault,
    QueryMessage,
    out_of_memory,
    read_error,
)
from vo_service.engines.process.program import EngineProgram
from vo_service.engines.process.serving import remember

__all__ = ["EngineProcess", "KnownTables"]

_START_S: Final = 20.0
"""Seconds until a process answers; a host that imports everything needs one or two."""

_END_S: Final = 5.0
"""Seconds until a killed process is gone: the kernel gives its memory back first."""

_FOREIGN_SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class KnownTables:
    """A table set, as it goes to engine processes.

    Attributes
    ----------
    number
        By which queries name it.
    tables
        The set.
    content
        Its frame.
    """

    number: int
    tables: TableSet
    content: bytes

    @classmethod
    def of(cls, number: int, tables: TableSet) -> KnownTables:
        """Write the frame."""
        return cls(number, tables, frame(TABLES, pickle.dumps((number, tables), protocol=5)))


class EngineProcess:
    """A process that answers one query at a time; not for several threads but for `cancel`.

    Parameters
    ----------
    launched
        Our ends of it.
    program
        That it runs.
    scratch
        Its folder, removed when it is gone.
    """

    def __init__(self, launched: Launched, program: EngineProgram, scratch: Path) -> None:
        self._connection = launched.connection
        self._lifeline: int | None = launched.lifeline
        self._report = launched.report
        self._program = program
        self._scratch = scratch
        self._frames = FrameReader(launched.connection, program.memory_bytes)
        self._known: OrderedDict[int, object] = OrderedDict()
        self._killing = threading.Lock()
        self._greeted = False
        self._cancelled = False
        self._limit_s = self._until_s = 0.0

    def teach(self, known: KnownTables) -> None:
        """Send a table set ahead of the query that needs it.

        Raises
        ------
        OSError
            If the process is gone.
        """
        if known.number not in self._known:
            self._connection.sendall(known.content)
        remember(self._known, known.number, known.tables)

    def check(self, limit_s: float) -> None:
        """Let the engine do a small piece of work.

        Parameters
        ----------
        limit_s
            Seconds that it may take.

        Raises
        ------
        EngineError, EngineFault
            If it fails.
        """
        self._limit_s = limit_s
        self._frames.waited_s = 0.0
        try:
            self._connection.sendall(frame(CHECK))
        except OSError as error:
            raise self._ending() from error
        self.receive()

    def ask(self, message: QueryMessage, known: KnownTables, rows: tuple[pa.Table, ...]) -> None:
        """Send a query.

        Parameters
        ----------
        message
            The query.
        known
            Its table set.
        rows
            Of its uploads.

        Raises
        ------
        EngineError
            If the process is gone.
        """
        if sum(each.nbytes for each in rows) > self._program.memory_bytes:
            raise out_of_memory(self._program.memory_bytes)
        self._limit_s = message.time_limit_s
        self._frames.waited_s = 0.0
        self._connection.settimeout(message.time_limit_s)
        try:
            self.teach(known)
            self._connection.sendall(frame(QUERY, pickle.dumps(message, protocol=5)))
            for each in rows:
                self._send_rows(each)
            self._connection.settimeout(None)
        except TimeoutError as error:
            self.kill()
            raise QueryTimeout(self._limit_s) from error
        except OSError as error:
            raise self._ending() from error

    def receive(self) -> tuple[bytes, pa.Buffer]:
        """Give the next frame of the answer.

        Raises
        ------
        AdqlError, EngineError
            What the process says, or why it is gone.
        EngineFault
            If it failed for a reason of ours.
        """
        try:
            if not self._greeted:
                self._greet()
            left_s = self._limit_s - self._frames.waited_s
            kind, content = self._frames.read(max(0.0, left_s))
        except TimeOver as error:
            self.kill()
            raise QueryTimeout(self._limit_s) from error
        except ConnectionOver as error:
            # Not killed: how it ends says why.
            raise self._ending() from error
        if kind == ERROR:
            raise read_error(content)
        return kind, content

    def cancel(self) -> None:
        """End the process from any thread; its query says that it was stopped."""
        self._cancelled = True
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it does, from any thread; it may be gone already."""
        with self._killing:
            lifeline, self._lifeline = self._lifeline, None
            if lifeline is None:
                return
            os.close(lifeline)
            # The host does it as well, where the lifeline cannot.
            with contextlib.suppress(OSError):
                self._report.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """End the process and wait until the kernel has its memory back."""
        self.kill()
        self._how_it_ended()
        self._connection.close()
        self._report.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether the process is there, as far as its connection says."""
        if self._lifeline is None:
            return False
        poll = select.poll()
        poll.register(self._connection, select.POLLRDHUP)
        return not poll.poll(0)

    def _greet(self) -> None:
        """Wait until the process is ready, which does not count as time of the query."""
        try:
            kind, content = self._frames.read(_START_S)
        except TimeOver as error:
            self.kill()
            raise EngineUnavailable("no process for the query could be started in time") from error
        except ConnectionOver as error:
            if self._cancelled:
                raise
            raise EngineUnavailable("the process for the query ended at its start") from error
        if kind == ERROR:
            raise read_error(content)
        if kind != HELLO:
            raise EngineFault("an engine process began with something else")
        self._greeted = True
        self._frames.waited_s = 0.0

    def _send_rows(self, rows: pa.Table) -> None:
        size = pa.MockOutputStream()
        with pa.ipc.new_stream(size, rows.schema) as stream:
            stream.write_table(rows)
        self._connection.sendall(FRAME.pack(UPLOAD, size.size()))
        with (
            self._connection.makefile("wb") as file,
            pa.ipc.new_stream(file, rows.schema) as stream,
        ):
            stream.write_table(rows)

    def _ending(self) -> EngineError:
        """Say why the process is gone."""
        if self._cancelled:
            return QueryCancelled("the query was stopped")
        code, reason = self._how_it_ended()
        if reason:
            limit_mib = self._program.all_memory_bytes / 2**20
            return ResourceExhausted(
                f"all queries together need more than the {limit_mib:.0f} MiB of memory that they"
                " may have, and this one needed most; ask for fewer rows or columns, or try again"
                " later"
            )
        if code is None or -code in _FOREIGN_SIGNALS:
            return EngineUnavailable(
                "the process of this query was ended from outside; the same query may work later"
            )
        # A library that cannot have the memory that it needs gives up in its own ways.
        return out_of_memory(self._program.memory_bytes)

    def _how_it_ended(self) -> tuple[int | None, str]:
        """Give the exit code and the reason of the host, if it says anything."""
        poll = select.poll()
        try:
            poll.register(self._report, select.POLLIN)
            said = self._report.recv(100) if poll.poll(_END_S * 1000) else b""
        except (OSError, ValueError):
            said = b""
        code, _, reason = said.decode("ascii", "replace").partition(" ")
        return (int(code), reason) if code.lstrip("-").isdigit() else (None, reason)
