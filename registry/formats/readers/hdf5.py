"""Reader of HDF5 files, with h5py alone; see `hdf5_layout` for the layouts that are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.hdf5_layout import Hdf5File
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions

__all__ = ["Hdf5Reader", "Hdf5Table"]

_MAGIC = b"\x89HDF\r\n\x1a\n"

_BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of rows that a batch aims at."""


class Hdf5Reader:
    """Recognises and opens HDF5 files."""

    name = "HDF5"
    options = frozenset({"group"})

    def recognises(self, head: bytes, suffix: str) -> bool:  # noqa: ARG002 - the signature decides
        """Tell whether a file starts as HDF5 does."""
        return head.startswith(_MAGIC)

    def open(self, path: Path, options: ReadOptions = DEFAULT_OPTIONS) -> Hdf5Table:
        """Open a file and find its table.

        Parameters
        ----------
        path
            The file.
        options
            The group, where several are tables.

        Raises
        ------
        UnreadableFile
            If it is damaged, refers to other files or holds objects, or several groups are
            tables and none is chosen.
        UnsupportedFile
            If it has no table.
        """
        return Hdf5Table(path, options.group)


class Hdf5Table:
    """A table of an HDF5 file.

    Parameters
    ----------
    path
        The file; it stays open until `close`.
    group
        Path of the table in it.
    """

    def __init__(self, path: Path, group: str | None = None) -> None:
        import h5py

        self._path = path
        with _readable(path):
            self._file = h5py.File(path, "r", locking=False)
            tree = Hdf5File(path.name, self._file, path.stat().st_size)
            self._layout = tree.table(group)
        self.layout = {"is_plain": tree.is_plain(self._layout.path)}
        self.description = self._layout.description
        self.warnings = tuple(self._layout.warnings)
        self.columns = tuple(
            FileColumn(c.name, c.type, c.unit, c.ucd, None, c.description, c.frame)
            for c in self._layout.columns
        )

    @property
    def n_rows(self) -> int | None:
        """Number of rows, from the shape of the datasets."""
        return self._layout.n_rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows in file order.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a chunk is damaged.
        """
        layout = self._layout
        n_rows = layout.n_rows
        sources = [*layout.datasets, *layout.masks]
        widths = (d.dtype.itemsize * d.size / max(1, n_rows) for d in sources)
        step = max(1, min(batch_rows, int(_BATCH_BYTES / max(1.0, sum(widths)))))
        names = [f"c{index}" for index in range(len(layout.columns))]
        for start in range(0, n_rows, step):
            with _readable(self._path):
                rows = [dataset[start : start + step] for dataset in sources]
                arrays = [column.take(rows) for column in layout.columns]
                yield pa.RecordBatch.from_arrays(arrays, names=names)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        # Arrow's is an ArrowException as well, but tells nothing of the file.
        raise
    except (OSError, LookupError, RuntimeError, TypeError, ValueError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path.name!r} is a damaged HDF5 file ({reason[:200]}); write or transfer it again"
        ) from error
