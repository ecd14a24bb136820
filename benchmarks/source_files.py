"""Every file and catalogue of the shared data, as an independent reader gives it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import astropy.table
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from installation import ROOT
from publications import publication

sys.path[:0] = [str(ROOT / "tests" / "support")]

import readback  # noqa: E402 - found only with the path above


def data_files(data: Path, only: str) -> Iterator[tuple[str, Path]]:
    """List the files below the folder, and the HATS catalogues among its folders.

    `only` is a pattern of paths below the folder, or several with commas between.
    """
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data).as_posix()
        if path.is_dir() and not is_catalogue(path):
            continue
        if any(fnmatch("/" + name, pattern) for pattern in only.split(",")):
            yield name, path


def is_catalogue(folder: Path) -> bool:
    """Tell whether a folder is to be published as a whole."""
    marks = ("collection.properties", "hats.properties", "properties")
    return any((folder / mark).exists() for mark in marks)


def read_file(path: Path, name: str) -> readback.Cells:
    """Read a file with the library that its users have, alone and not as a part of a data set."""
    if path.is_dir():
        return readback.file_cells(_catalogue(path))
    readers: dict[str, Callable[[Path], pa.Table]] = {
        ".csv": readback.read_csv_file,
        ".txt": _text,
        ".hdf5": lambda file: _hdf5(file, publication(name).group),
        ".fits": _fits,
    }
    read = readers.get(path.suffix, lambda file: pq.ParquetFile(file).read())
    return readback.file_cells(read(path))


def _catalogue(folder: Path) -> pa.Table:
    """Give the rows of a HATS catalogue without the columns of its partitioning."""
    if (folder / "collection.properties").exists():
        folder /= "catalog"
    parts = [pq.ParquetFile(part).read() for part in folder.rglob("Npix=*.parquet")]
    table = pa.concat_tables(parts)
    kept = [name for name in table.column_names if name not in ("Norder", "Dir", "Npix")]
    return table.select(kept)


def _text(path: Path) -> pa.Table:
    """Read text between blanks with its names behind a hash."""
    table = astropy.table.Table.read(path, format="ascii.commented_header")
    return pa.table({name: np.ma.getdata(table[name]) for name in table.colnames})


def _hdf5(path: Path, group: str | None) -> pa.Table:
    with h5py.File(path) as file:
        columns = file[group] if group else file
        return pa.table({name: column[:] for name, column in columns.items()})


def _fits(path: Path) -> pa.Table:
    table = astropy.table.Table.read(path, hdu=1)
    return pa.table(
        {
            name: np.asarray(table[name], table[name].dtype.newbyteorder("="))
            for name in table.colnames
        }
    )
