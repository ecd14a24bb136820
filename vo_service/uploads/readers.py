"""Processes that wait for uploads, so that none has to wait for a process.

To start Python and load the libraries takes a quarter of a second, to read ten thousand rows
a twentieth. Each process reads one upload and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import weakref
from dataclasses import asdict
from pathlib import Path

from registry.formats.readers.child import Request
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadLimits
from registry.formats.readers.sandbox import Hold, SandboxedTable, start_process
from registry.scratch import ScratchFolder
from vo_service.uploads.declared import DECLARED_FILE, Declared, parse_declared

__all__ = ["OpenedUpload", "ReaderPool", "WaitingReader"]

_MODULE = "vo_service.uploads.reading_process"

_DECLARED_BYTES = 16 * 2**20
"""Twenty thousand FIELDs with long names fit."""

_REST_S = 30.0
"""A waiting process costs memory (60 MB); after so long without uploads it goes."""


_HEAD_START_S = 0.3
"""The upload at hand and its query have the processors to themselves for so long (measured)."""


class WaitingReader:
    """A process that waits for its file; its folder is all that it can see.

    Parameters
    ----------
    folder
        Empty; removed with the reader.
    limits
        What the file may cost.
    """

    def __init__(self, folder: Path, limits: ReadLimits) -> None:
        self.folder = folder
        self.limits = limits
        self.process = start_process(_MODULE, folder)
        opening = {"folder": str(folder.absolute()), "limits": asdict(limits)}
        _send(self.process, json.dumps(opening))

    @property
    def is_alive(self) -> bool:
        """Whether the process still waits."""
        return self.process.poll() is None

    def close(self) -> None:
        """End the process and remove its folder; may be called twice."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class OpenedUpload(SandboxedTable):
    """A table that is read by a process that has waited for it.

    Parameters
    ----------
    reader
        Used for this table alone, and closed with it.
    path
        The file, in the reader's folder.
    reading
        Closed with the table.
    """

    def __init__(self, reader: WaitingReader, path: Path, reading: Hold) -> None:
        self._hold = reading
        self._name = path.name
        self._limits = reader.limits
        self._idle = True
        self._scratch = reader.folder
        self._process = reader.process
        reading.attach(reader.process)
        try:
            unpacked = reader.folder / "unpacked"
            unpacked.mkdir()
            request = Request(path.absolute(), unpacked.absolute(), DEFAULT_OPTIONS, reader.limits)
            self._command(request.to_json())
            self._read_header()
        except BaseException:
            self.close()
            raise

    def declared(self) -> list[Declared]:
        """Give what a VOTable declares of its columns, nothing for other files."""
        try:
            descriptor = os.open(self._scratch / DECLARED_FILE, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                said = json.loads(file.read(_DECLARED_BYTES))
        except (OSError, ValueError, RecursionError):
            return []
        found = parse_declared(said)
        # Columns of a FITS file in a VOTable are the file's, and may be others.
        names = [column.name for column in self.columns]
        return found if [field.name for field in found] == names else []


class ReaderPool:
    """Keeps some readers waiting, from the first upload on.

    Parameters
    ----------
    scratch
        Where their folders are.
    limits
        What a file may cost.
    spare
        Readers that wait.
    """

    def __init__(self, scratch: ScratchFolder, limits: ReadLimits, spare: int = 2) -> None:
        self._scratch = scratch
        self._limits = limits
        self._spare = spare
        self._idle: list[WaitingReader] = []
        self._changed = threading.Condition()
        self._taken = False
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._end = weakref.finalize(self, _close_all, self._idle)

    def take(self) -> WaitingReader:
        """Give a reader, which the caller closes; another takes its place in the background."""
        with self._changed:
            self._taken = True
            if self._keeper is None and self._spare:
                # A process ends with the thread that started it, so this one stays.
                self._keeper = threading.Thread(target=self._keep, name="readers", daemon=True)
                self._keeper.start()
            self._changed.notify()
            while self._idle:
                reader = self._idle.pop(0)
                if reader.is_alive:
                    return reader
                reader.close()
        return self._new()

    def close(self) -> None:
        """End the readers that wait."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        if self._keeper is not None:
            self._keeper.join()
        self._end()

    def _new(self) -> WaitingReader:
        return WaitingReader(self._scratch.folder(), self._limits)

    def _keep(self) -> None:
        while True:
            with self._changed:
                if self._closed.is_set():
                    return
                missing = self._taken and len(self._idle) < self._spare
                if not missing:
                    self._taken = False
                    rested = not self._changed.wait(_REST_S)
                    if rested and not self._taken:
                        _close_all(self._idle)
                    continue
            if self._closed.wait(_HEAD_START_S):
                return
            reader = self._new()
            with self._changed:
                self._idle.append(reader)


def _close_all(readers: list[WaitingReader]) -> None:
    while readers:
        readers.pop().close()


def _send(process: subprocess.Popen[bytes], text: str) -> None:
    stream = process.stdin
    if stream is not None:
        with contextlib.suppress(BrokenPipeError):
            stream.write(text.encode() + b"\n")
