"""Reader of HATS catalogues and collections: folders of Parquet files by HEALPix cell.

The main catalogue alone is read: margins repeat its rows. Its partitions come in the order of
their cells on the sky. The columns that older catalogues add for the partition (``Norder``,
``Dir``, ``Npix``) are left out; the index column (``_healpix_29``) is a column like others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers.base import BATCH_ROWS, FileColumn
from registry.formats.readers.parquet import ParquetTable

__all__ = ["HatsTable", "hats_root"]

_COLLECTION = "collection.properties"

_CATALOGUE = ("hats.properties", "properties")
"""Names of the properties file, the current one first (HATS note 1.0, and its earlier drafts)."""

_PARTITION = re.compile(r"Norder=(\d+)/(?:Dir=\d+/)?Npix=(\d+)(?:[./].*)?")

_PARTITION_COLUMNS = ("Norder", "Dir", "Npix")

_TABLE_TYPES = ("object", "source", "map", "timeseries", "")
"""Values of ``dataproduct_type`` whose rows are objects; margins and indexes are not."""

_MAX_DEPTH = 9
"""Folders that an archive may have around a catalogue: some keep the whole path."""

_MAX_WIDTH = 1_000
"""Folders beside each other, beyond which this is somebody's home and not a catalogue."""

_MAX_PROPERTIES_BYTES = 1_000_000


def hats_root(folder: Path) -> Path | None:
    """Find the outermost HATS collection or catalogue in a folder.

    Parameters
    ----------
    folder
        The folder of a collection or catalogue, or one around it.

    Returns
    -------
    Path or None
        The folder with the properties file; none if there is none, or several beside each other.
    """
    level = [folder]
    for _ in range(_MAX_DEPTH):
        found = [place for place in level if _is_hats(place)]
        if found:
            return found[0] if len(found) == 1 else None
        level = [d for place in level for d in sorted(place.iterdir()) if _is_folder(d)]
        if len(level) > _MAX_WIDTH:
            return None
    return None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.name != "__MACOSX"


def _is_hats(folder: Path) -> bool:
    if (folder / _COLLECTION).is_file():
        return True
    return _properties_file(folder) is not None and _dataset(folder).is_dir()


def _properties_file(folder: Path) -> Path | None:
    return next((folder / name for name in _CATALOGUE if (folder / name).is_file()), None)


def _dataset(folder: Path) -> Path:
    # Before HATS had its name, the partitions were beside the properties.
    inner = folder / "dataset"
    return inner if inner.is_dir() or not any(folder.glob("Norder=*")) else folder


class HatsTable:
    """The rows of a HATS catalogue.

    Parameters
    ----------
    folder
        Of a collection or a catalogue.

    Raises
    ------
    UnreadableFile
        If it is incomplete, or not a catalogue of objects.
    """

    warnings: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._name = folder.name
        catalogue = self._main_catalogue(folder)
        self._files = self._partitions(_dataset(catalogue))
        self._rows = 0
        schema: pa.Schema | None = None
        said: tuple[FileColumn, ...] = ()
        for path in self._files:
            with ParquetTable(path) as table:
                if schema is None:
                    schema, self.description = table.schema, table.description
                    said = table.columns
                elif not table.schema.equals(schema):
                    raise UnreadableFile(
                        f"{self._name!r} has partitions with different columns: {path.name!r} "
                        f"differs from {self._files[0].name!r}; import the catalogue again"
                    )
                self._rows += table.n_rows or 0
        self._kept = [i for i, c in enumerate(said) if not _is_partition_column(c)]
        self.columns: tuple[FileColumn, ...] = tuple(said[i] for i in self._kept)
        self._check_rows()

    @property
    def n_rows(self) -> int | None:
        """Number of rows of all partitions."""
        return self._rows

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Read the rows, partition by partition.

        Parameters
        ----------
        batch_rows
            Rows per batch at most.

        Raises
        ------
        UnreadableFile
            If a partition is damaged.
        """
        for path in self._files:
            with ParquetTable(path) as table:
                for batch in table.batches(batch_rows):
                    yield batch.select(self._kept)

    def close(self) -> None:
        """Do nothing: a partition is open only while it is read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _main_catalogue(self, folder: Path) -> Path:
        self._expected_rows: int | None = None
        if (folder / _COLLECTION).is_file():
            name = _properties(folder / _COLLECTION).get("hats_primary_table_url", "")
            if name in ("", ".", "..") or Path(name).name != name:
                raise UnreadableFile(
                    f"{self._name!r}: hats_primary_table_url in {_COLLECTION} is {name!r}, not "
                    "the name of a folder beside it"
                )
            folder = folder / name
        properties = _properties_file(folder)
        if properties is None or not _dataset(folder).is_dir():
            raise UnreadableFile(
                f"{self._name!r} is a HATS collection whose main catalogue {folder.name!r} is "
                "missing or incomplete; transfer it again"
            )
        said = _properties(properties)
        kind = said.get("dataproduct_type", "")
        if kind not in _TABLE_TYPES:
            raise UnreadableFile(
                f"{self._name!r} is a HATS {kind}, not a catalogue of objects; publish the "
                "catalogue or its collection"
            )
        rows = said.get("hats_nrows", said.get("total_rows", ""))
        self._expected_rows = int(rows) if rows.isdecimal() else None
        return folder

    def _partitions(self, dataset: Path) -> list[Path]:
        found = []
        for path in sorted(dataset.rglob("*.parquet")):
            match = _PARTITION.fullmatch(path.relative_to(dataset).as_posix())
            if match is not None and path.is_file() and not path.is_symlink():
                order, cell = int(match[1]), int(match[2])
                if order > 29:
                    raise UnreadableFile(f"{self._name!r} has a partition of order {order} > 29")
                found.append((cell << 2 * (29 - order), order, path))
        if not found:
            raise UnreadableFile(
                f"{self._name!r} is a HATS catalogue without partitions "
                "(dataset/Norder=*/Dir=*/Npix=*.parquet); transfer it again"
            )
        return [path for _, _, path in sorted(found)]

    def _check_rows(self) -> None:
        if self._expected_rows is not None and self._expected_rows != self._rows:
            raise UnreadableFile(
                f"{self._name!r} has {self._rows} rows, but its properties tell of "
                f"{self._expected_rows}: partitions are missing; transfer it again"
            )


def _is_partition_column(column: FileColumn) -> bool:
    return column.name in _PARTITION_COLUMNS and bool(pa.types.is_integer(column.type))


def _properties(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", errors="replace") as handle:
        text = handle.read(_MAX_PROPERTIES_BYTES)
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs if key.strip()}
