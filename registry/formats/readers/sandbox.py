"""Tables of files from strangers: read in a process of their own, with limits.

The bytes of such a file never meet a parser in this process. What comes back is Arrow data of
declared types, checked before anybody uses them.
"""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import pyarrow as pa

from registry.errors import (
    RegistryError,
    StorageFull,
    UnreadableFile,
    UnsupportedFile,
)
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.child import BATCH, END, ERROR, FRAME, HEADER, SCHEMA, Request
from registry.formats.readers.choice import FileChoiceNeeded
from registry.formats.readers.options import (
    DEFAULT_LIMITS,
    DEFAULT_OPTIONS,
    ReadLimits,
    ReadOptions,
)

__all__ = ["Hold", "SandboxedTable", "open_table", "start_process"]

_LOG = logging.getLogger(__name__)

_MODULE = "registry.formats.reading_process"

_PACKAGES = Path(__file__).resolve().parents[3]
"""The folder from which the child imports `registry`."""

_FORWARDED = ("LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX")
"""Variables of the environment that the child gets; no secrets are among them."""

_ERRORS: dict[str, type[RegistryError]] = {
    error.__name__: error for error in (UnreadableFile, UnsupportedFile, StorageFull)
}
"""Errors that a child may raise here, by name."""


class Hold(Protocol):
    """What a reading holds besides its process: a place, and somebody who waits."""

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        """Say which process ends when nobody waits any more."""

    def check(self) -> None:
        """Make sure that somebody still waits; raises `ReadingGivenUp` otherwise."""

    def close(self) -> None:
        """Give everything back; may be called twice."""


def open_table(
    path: Path,
    options: ReadOptions = DEFAULT_OPTIONS,
    *,
    scratch: Path | None = None,
    limits: ReadLimits = DEFAULT_LIMITS,
    reading: Hold | None = None,
) -> SandboxedTable:
    """Open a file, or a folder of HATS, in a process of its own.

    Parameters
    ----------
    path
        The file; any format that is read, packed or not.
    options
        Which table of the file, where it holds several.
    scratch
        Folder for what has to be unpacked; it is made, and removed by `close`. A folder for
        temporary files is taken if none is given.
    limits
        What the file may cost.
    reading
        Closed with the table.

    Raises
    ------
    UnreadableFile
        If the file is damaged, or passes a limit, or the child crashed on it.
    FileChoiceNeeded
        If it holds several tables, or the options mean nothing for it.
    UnsupportedFile
        If it is no table.
    StorageFull
        If there is no room to unpack it.
    ReadingGivenUp
        If who waited for it went away.
    """
    return SandboxedTable(path, options, scratch, limits, reading)


class SandboxedTable:
    """An `OpenedTable` whose file is read by a child process.

    Parameters
    ----------
    path, options, scratch, limits, reading
        See `open_table`.

    Attributes
    ----------
    format
        Name of the format for people.
    layout
        What the format does not fix and the file does: ``delimiter`` and ``has_header`` of text;
        ``is_plain`` where programs that know one table in a file read this one (`tables_io`).
    unpacked
        The table file or folder that came out of a packed file, until `close`.
    """

    format: str
    columns: tuple[FileColumn, ...]
    description: str | None
    n_rows: int | None
    warnings: tuple[str, ...]
    layout: dict[str, Any]
    unpacked: Path | None

    _hold: Hold | None

    def __init__(
        self,
        path: Path,
        options: ReadOptions,
        scratch: Path | None,
        limits: ReadLimits,
        reading: Hold | None = None,
    ) -> None:
        self._hold = reading
        self._name = path.name
        self._limits = limits
        self._idle = True
        if scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="pzvo-read-"))
        else:
            self._scratch = scratch
            scratch.mkdir(parents=True)
        self._process = start_process(_MODULE, self._scratch)
        if reading is not None:
            reading.attach(self._process)
        try:
            request = Request(path.absolute(), self._scratch.absolute(), options, limits)
            self._command(request.to_json())
            self._read_header()
        except BaseException:
            self.close()
            raise

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order; may be called again to read once more.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If the file turns out to be damaged, passes a limit, or the child crashed on it.
        ReadingGivenUp
            If who waited for it went away.
        """
        while not self._idle:
            self._idle = self._receive(BATCH, END)[0] == END
        self._idle = False
        self._command(str(batch_rows))
        while True:
            kind, content = self._receive(BATCH, END)
            if kind == END:
                self._idle = True
                return
            yield self._checked(content)

    def close(self) -> None:
        """End the child, remove what it unpacked, and give its place back."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._hold is not None:
            self._hold.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_header(self) -> None:
        header = json.loads(self._receive(HEADER)[1].to_pybytes())
        self._schema = pa.ipc.read_schema(self._receive(SCHEMA)[1])
        self.format = header["format"]
        self.description = header["description"]
        self.n_rows = header["n_rows"]
        self.warnings = tuple(header["warnings"])
        self.layout = header["layout"]
        self.unpacked = self._inside(header["unpacked"])
        self.columns = tuple(
            FileColumn(said[0], field.type, *said[1:])
            for said, field in zip(header["columns"], self._schema, strict=True)
        )

    def _inside(self, said: str | None) -> Path | None:
        if said is None:
            return None
        place = Path(said)
        if place.is_absolute() or ".." in place.parts:
            raise self._failure("a place outside of its folder")
        return self._scratch / place

    def end(self) -> None:
        """End the child; what it unpacked stays until `close`, and cannot change any more."""
        self._process.kill()
        self._process.wait()

    def _checked(self, content: pa.Buffer) -> pa.RecordBatch:
        try:
            batch = pa.ipc.read_record_batch(content, self._schema)
            # The child may have been taken over by the file that it reads.
            batch.validate(full=True)
        except pa.ArrowException as error:
            raise UnreadableFile(
                f"{self._name!r} has values that do not fit their types "
                f"({str(error).splitlines()[0]}); write or transfer it again"
            ) from error
        return batch

    def _command(self, text: str) -> None:
        stream = _stream(self._process.stdin)
        try:
            stream.write(text.encode() + b"\n")
            stream.flush()
        except BrokenPipeError:
            # Its last frame, or its way to end, says why.
            return

    def _receive(self, *expected: bytes) -> tuple[bytes, pa.Buffer]:
        kind, length = FRAME.unpack(self._read(FRAME.size).to_pybytes())
        if length > self._limits.memory_bytes:
            raise self._failure(f"a row of {length} bytes")
        content = self._read(length)
        if kind == ERROR:
            raise self._told(json.loads(content.to_pybytes()))
        if kind not in expected:
            raise self._failure("an answer out of order")
        return kind, content

    def _read(self, length: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(length)
        view = memoryview(buffer)
        stream = _stream(self._process.stdout)
        done = 0
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        while done < length:
            if not poll.poll(self._limits.stall_s * 1000):
                self._check_wanted()
                self._process.kill()
                raise UnreadableFile(
                    f"{self._name!r} gave nothing for {self._limits.stall_s:g} s of reading; "
                    "convert it to Parquet or CSV"
                )
            count = os.readv(stream.fileno(), [view[done:]])
            if count == 0:
                raise self._ended()
            done += count
        return buffer

    def _told(self, said: dict[str, Any]) -> RegistryError:
        if said["error"] == "memory":
            return self._memory()
        if said["error"] == FileChoiceNeeded.__name__:
            return FileChoiceNeeded(said["message"], str(said["option"]))
        if said["error"] in _ERRORS:
            return _ERRORS[said["error"]](said["message"])
        _LOG.error("reading %r failed:\n%s", self._name, said["trace"])
        return self._failure(said["kind"])

    def _check_wanted(self) -> None:
        if self._hold is not None:
            self._hold.check()

    def _ended(self) -> UnreadableFile:
        self._check_wanted()
        code = _exit_code(self._process)
        if code == -signal.SIGXCPU:
            return UnreadableFile(
                f"{self._name!r} took too long to read: the limit is {self._limits.cpu_s} s of "
                f"processor time, and {self._limits.cpu_s_per_mb:g} s for each MB; convert it to "
                "Parquet or CSV"
            )
        if code in (-signal.SIGABRT, -signal.SIGKILL):
            return self._memory()
        return self._failure(f"status {code}")

    def _memory(self) -> UnreadableFile:
        return UnreadableFile(
            f"{self._name!r} needs more than the {self._limits.memory_bytes / 2**30:.3g} GiB of "
            "memory that reading a file may take; write it in smaller pieces (row groups, "
            "chunks), or as Parquet or CSV"
        )

    def _failure(self, reason: str) -> UnreadableFile:
        return UnreadableFile(
            f"{self._name!r} cannot be read: its reader failed ({reason}), so the file is "
            "probably damaged; write or transfer it again, or convert it to Parquet or CSV"
        )


def start_process(module: str, scratch: Path) -> subprocess.Popen[bytes]:
    """Start a reading process with nothing of this one's environment but what it needs.

    Parameters
    ----------
    module
        What it runs; it locks itself before it looks at anything.
    scratch
        Its only folder.
    """
    environment = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    environment |= {
        "PYTHONPATH": str(_PACKAGES),
        "LANG": "C.UTF-8",
        "HOME": str(scratch.absolute()),
        "TMPDIR": str(scratch.absolute()),
        # Threads of libraries would be outside of the locks, and cost memory for nothing.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # Arrow's own allocators reserve a gigabyte at once, which would count as used.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "ARROW_IO_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        # A file of HDF5 may name a filter, which the library would look for as a plugin.
        "HDF5_PLUGIN_PRELOAD": "::",
        "HDF5_USE_FILE_LOCKING": "FALSE",
    }
    return subprocess.Popen(  # noqa: S603 - this interpreter, with fixed arguments
        [sys.executable, "-P", "-s", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=environment,
        cwd=scratch,
        start_new_session=True,
    )


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 10
    while (code := process.poll()) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return 0 if code is None else code


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the child was started without its pipes")
    return stream
