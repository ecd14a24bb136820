"""Reading processes: few at once, fair between visitors, and ended with who waits for them."""

from __future__ import annotations

import subprocess
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from registry.errors import ReadingGivenUp
from registry.formats.readers.options import (
    DEFAULT_LIMITS,
    DEFAULT_OPTIONS,
    ReadLimits,
    ReadOptions,
)
from registry.formats.readers.sandbox import SandboxedTable, open_table
from registry.host.client import WaitingClient, waiting_client
from registry.host.places import Place, Places

__all__ = ["Reading", "ReadingProcesses"]

_SERVICE_WAIT_S = 900.0
"""What nobody waits for may come later: no reading of a visitor takes so long."""


class Reading:
    """The right to read one file, until `close`.

    Parameters
    ----------
    places
        Shared by all processes of an installation; none sets no limit.

    Raises
    ------
    ShareExceeded
        If who waits reads as many files as one may.
    HostBusy
        If no place becomes free in time.
    """

    def __init__(self, places: Places | None) -> None:
        self._given_up = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()
        client = waiting_client()
        try:
            if client is not None:
                self._stack.enter_context(client.watch(self._give_up))
            if places is not None:
                self._stack.enter_context(self._place(places, client))
        except BaseException:
            self.close()
            raise

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        """Say which process ends when nobody waits any more."""
        self._process = process
        if self._given_up.is_set():
            process.kill()

    def check(self) -> None:
        """Make sure that somebody still waits.

        Raises
        ------
        ReadingGivenUp
            If nobody does.
        """
        if self._given_up.is_set():
            raise ReadingGivenUp("nobody waits for the file any more")

    def close(self) -> None:
        """Give the place back; may be called twice."""
        self._stack.close()

    def _place(self, places: Places, client: WaitingClient | None) -> Place:
        if client is None:
            return places.take("", wait_s=_SERVICE_WAIT_S)
        return places.take(client.visitor(), lambda: not self._given_up.is_set())

    def _give_up(self) -> None:
        self._given_up.set()
        process = self._process
        if process is not None:
            process.kill()


@dataclass(frozen=True, slots=True)
class ReadingProcesses:
    """Opens files of products in processes of their own.

    Attributes
    ----------
    places
        How many there are at once; none sets no limit.
    limits
        What a file may cost that nobody waits for.
    waited
        What it may cost while somebody waits.
    """

    places: Places | None = None
    limits: ReadLimits = DEFAULT_LIMITS
    waited: ReadLimits = DEFAULT_LIMITS

    def open(
        self, path: Path, options: ReadOptions = DEFAULT_OPTIONS, scratch: Path | None = None
    ) -> SandboxedTable:
        """Open a file; closing the table gives its place to the next.

        Parameters
        ----------
        path, options, scratch
            See `open_table`.

        Raises
        ------
        ShareExceeded, HostBusy
            If too many files are read.
        ReadingGivenUp
            If who waited for it went away.
        UnreadableFile, FileChoiceNeeded, UnsupportedFile, StorageFull
            As `open_table`.
        """
        limits = self.limits if waiting_client() is None else self.waited
        reading = Reading(self.places)
        try:
            return open_table(path, options, scratch=scratch, limits=limits, reading=reading)
        except BaseException:
            reading.close()
            raise
