"""Tables that come with queries, from what UPLOAD says to rows in memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.errors import RegistryError, StorageFull
from registry.formats.readers.choice import FileChoiceNeeded
from registry.formats.readers.options import ReadLimits
from registry.formats.readers.processes import Reading
from registry.host.places import Places
from registry.scratch import ScratchFolder
from vo_service.dali.upload import Upload
from vo_service.queries import UploadedTable
from vo_service.uploads.errors import UploadExceeded, UploadMissing, UploadRejected
from vo_service.uploads.fetching import FetchLimits, TableFetcher
from vo_service.uploads.readers import OpenedUpload, ReaderPool, WaitingReader
from vo_service.uploads.sources import FULL_DISK, InlineFiles, copy_limited, file_name
from vo_service.uploads.table import TableLimits, read_table

__all__ = ["UPLOADS_MAX", "UploadLimits", "UploadService"]

UPLOADS_MAX = 20
"""Tables of one query: far more than anybody joins; each is a process and memory."""

_COLUMNS_MAX = 2_000
"""Columns of one table: the widest of the VO's usual catalogues have about a thousand."""

_UNPACKED_FACTOR = 8
"""A file may grow by so much when it is unpacked: compressed text does by about that."""

_PROCESS_BYTES = 2**30
"""Memory of a reading process beside the values."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What the uploads of a query may cost.

    Attributes
    ----------
    size_bytes
        Of one file as it is sent, and of all that a query has together.
    rows
        Of one table.
    fetch_timeout_s
        Time to fetch one file.
    private_addresses
        Whether files may come from internal networks.
    values_bytes
        Memory that the values of a query's tables may take, however small their files are.
    read_s
        Seconds of processor time for one file, and without a sign of life.
    """

    size_bytes: int
    rows: int
    fetch_timeout_s: float
    private_addresses: bool = False
    values_bytes: int = 2**28
    read_s: int = 60


class UploadService:
    """Reads the tables that come with queries.

    Parameters
    ----------
    folder
        For files while they are read; shared by all processes of an installation.
    limits
        What uploads may cost.
    places, fetches
        How many files are read, and fetched, at once; none sets no limit.
    """

    def __init__(
        self,
        folder: Path,
        limits: UploadLimits,
        places: Places | None = None,
        fetches: Places | None = None,
    ) -> None:
        self.limits = limits
        self._folder = folder
        self._fetcher = TableFetcher(
            FetchLimits(limits.size_bytes, limits.fetch_timeout_s, limits.private_addresses)
        )
        self._table_limits = TableLimits(limits.rows, _COLUMNS_MAX, limits.values_bytes)
        self._places = places
        self._fetches = fetches
        self._lock = threading.Lock()
        self._opened: tuple[ScratchFolder, ReaderPool] | None = None

    def read(self, uploads: Sequence[Upload], inline: InlineFiles) -> tuple[UploadedTable, ...]:
        """Read all tables of a query; nothing of them stays on the disk.

        Parameters
        ----------
        uploads
            What UPLOAD says.
        inline
            Opens the parts of the request.

        Raises
        ------
        UploadMissing
            If a part is not there.
        FetchFailed
            If a table cannot be fetched, or may not be.
        UploadExceeded
            If a table, or all together, are too large.
        UploadRejected
            If a file is no table, or one that cannot be used.
        ShareExceeded, HostBusy
            If too many uploads are read or fetched at once.
        StorageFull
            If there is no room for a file.
        """
        if len(uploads) > UPLOADS_MAX:
            raise UploadExceeded(
                uploads[UPLOADS_MAX].name, f"a query may have {UPLOADS_MAX} tables; join fewer"
            )
        tables: list[UploadedTable] = []
        left_bytes = self._table_limits.memory_bytes
        for number, upload in enumerate(uploads):
            table = self._read(upload, number, inline)
            left_bytes -= table.rows.nbytes
            if left_bytes < 0:
                raise UploadExceeded(
                    upload.name, "all uploads of the query together are too large; send fewer rows"
                )
            tables.append(table)
        return tuple(tables)

    def close(self) -> None:
        """End the processes and remove the files; may be called twice."""
        with self._lock:
            if self._opened is not None:
                scratch, pool = self._opened
                pool.close()
                scratch.close()
                self._opened = None

    def _read(self, upload: Upload, number: int, inline: InlineFiles) -> UploadedTable:
        scratch, pool = self._ready()
        received = scratch.file()
        try:
            hint = self._receive(upload, inline, received)
            if received.stat().st_size == 0:
                raise UploadRejected(upload.name, "it is empty; send a table")
            with (
                contextlib.closing(Reading(self._places)) as reading,
                contextlib.closing(pool.take()) as reader,
            ):
                path = received.rename(reader.folder / file_name(upload.name, hint))
                return self._open(upload.name, number, path, reader, reading)
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            raise StorageFull("no space left for uploads; try again later") from error
        finally:
            received.unlink(missing_ok=True)

    def _receive(self, upload: Upload, inline: InlineFiles, target: Path) -> str | None:
        """Write the file of an upload; give the name that it had."""
        if upload.part is None:
            with contextlib.closing(Reading(self._fetches)):
                self._fetcher.fetch(upload.name, upload.source, target)
            return upload.source.partition("?")[0]
        with inline(upload.part) as file:
            if file is None:
                raise UploadMissing(
                    upload.name,
                    f"the request has no file named {upload.part[:64]!r}; send it as a part of a"
                    " multipart/form-data request",
                )
            copy_limited(upload.name, file.content, target, self.limits.size_bytes)
            return file.file_name

    def _open(
        self, name: str, number: int, path: Path, reader: WaitingReader, reading: Reading
    ) -> UploadedTable:
        try:
            with OpenedUpload(reader, path, reading) as opened:
                return read_table(name, number, opened, self._table_limits)
        except FileChoiceNeeded as error:
            raise UploadRejected(name, f"{error}; send a file that holds the one table") from error
        except RegistryError as error:
            raise UploadRejected(name, str(error)) from error

    def _ready(self) -> tuple[ScratchFolder, ReaderPool]:
        # Not before the first upload: the web server may fork until then.
        with self._lock:
            if self._opened is None:
                scratch = ScratchFolder(self._folder)
                self._opened = scratch, ReaderPool(scratch, self._read_limits())
            return self._opened

    def _read_limits(self) -> ReadLimits:
        size_bytes = self.limits.size_bytes
        return ReadLimits(
            memory_bytes=_PROCESS_BYTES + 2 * self.limits.values_bytes,
            cpu_s=self.limits.read_s,
            cpu_s_per_mb=0.0,
            stall_s=float(self.limits.read_s),
            unpacked_bytes=_UNPACKED_FACTOR * size_bytes,
            members=100,
        )
