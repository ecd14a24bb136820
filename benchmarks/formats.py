"""Rows per second in and out for every format, each beside the fastest known library of this run.

Usage: python benchmarks/formats.py [ROWS]

The table is the catalogue of 20 columns. A ratio above 1 is faster than the library. The slow
libraries (astropy's VOTable) get fewer rows; rates are what is compared. Reading includes the
start of the process in which files are read.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import astropy.io.votable
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from astropy.table import Table
from catalogue import write_catalogue
from installation import ROOT

sys.path.insert(0, str(ROOT))

from registry.errors import RegistryError
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.sandbox import open_table
from registry.formats.writers.registry import WRITERS, writer_for
from registry.formats.writers.stream import ResultStream
from registry.model.field import Datatype, Field, ValueType

BATCH_ROWS = 65_536

ASTROPY_ROWS = 20_000
"""Rows for astropy's VOTable, which takes milliseconds for each hundred."""

REPEATS = 3

VOTABLE_TARGET = 100.0
"""How many times faster than astropy's the VOTable writer is to be."""

READ_FORMATS = tuple(writer.name for writer in WRITERS if writer.name not in ("json", "html"))
"""Formats that are written and read."""

DATATYPES = {
    pa.int16(): Datatype.SHORT,
    pa.int64(): Datatype.LONG,
    pa.float32(): Datatype.FLOAT,
    pa.float64(): Datatype.DOUBLE,
}


def fields_of(table: pa.Table) -> list[Field]:
    text = ValueType(Datatype.CHAR, "*")
    return [
        Field(column.name, ValueType(DATATYPES[column.type]) if column.type in DATATYPES else text)
        for column in table.schema
    ]


def rate(rows: int, action: Callable[[], object], repeats: int = REPEATS) -> float:
    """Give rows per second, the best of some runs after one that is not counted."""
    action()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return rows / min(times)


def ours(table: pa.Table, name: str) -> Iterator[bytes]:
    batches = table.to_batches(BATCH_ROWS)
    return writer_for(name).write(ResultStream(fields_of(table), batches))


def votable_by_astropy(table: Table, serialisation: str) -> bytes:
    document = astropy.io.votable.from_table(table)
    document.get_first_table().format = serialisation
    sink = io.BytesIO()
    document.to_xml(sink)
    return sink.getvalue()


def hdf5_by_h5py(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w") as file:
        for name, column in zip(table.column_names, table.columns, strict=True):
            values = column.to_numpy()
            file[name] = values.astype("S") if values.dtype == object else values
    return sink.getvalue()


def hdf5_read_by_h5py(data: bytes) -> None:
    with h5py.File(io.BytesIO(data)) as file:
        for column in file["data"].values():
            column[:]


def arrow_by_pyarrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, BATCH_ROWS)
    return sink.getvalue()


def into(write: Callable[[io.BytesIO], object]) -> Callable[[], object]:
    """Give each run a new sink."""
    return lambda: write(io.BytesIO())


def library_writers(
    table: pa.Table, few: pa.Table
) -> dict[str, tuple[str, int, Callable[[], object]]]:
    """Name, number of rows and action of the library for each format."""
    rows = table.num_rows
    slow = Table({n: np.asarray(c) for n, c in zip(few.column_names, few.columns, strict=True)})
    fast = Table(
        {
            name: column.to_numpy().astype("S") if column.type == pa.string() else column.to_numpy()
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )
    frame = table.to_pandas()
    tabs = pyarrow.csv.write_csv
    return {
        "votable/b2": ("astropy", len(slow), lambda: votable_by_astropy(slow, "binary2")),
        "votable/td": ("astropy", len(slow), lambda: votable_by_astropy(slow, "tabledata")),
        "votable/b": ("astropy", len(slow), lambda: votable_by_astropy(slow, "binary")),
        "csv": ("pyarrow", rows, into(lambda sink: tabs(table, sink))),
        "tsv": (
            "pyarrow",
            rows,
            into(lambda sink: tabs(table, sink, pyarrow.csv.WriteOptions(delimiter="\t"))),
        ),
        "fits": ("astropy", rows, into(lambda sink: fast.write(sink, format="fits"))),
        "parquet": ("pyarrow", rows, into(lambda sink: pq.write_table(table, sink))),
        "arrow": ("pyarrow", rows, lambda: arrow_by_pyarrow(table)),
        "hdf5": ("h5py", rows, lambda: hdf5_by_h5py(table)),
        "json": (
            "pandas",
            rows,
            lambda: frame.to_json(orient="values", double_precision=15),
        ),
        "html": ("pandas", few.num_rows, lambda: few.to_pandas().to_html()),
    }


def library_readers(data: dict[str, bytes]) -> dict[str, tuple[str, Callable[[], object]]]:
    tabs = pyarrow.csv.ParseOptions(delimiter="\t")
    sources = {name: (lambda name=name: io.BytesIO(data[name])) for name in data}
    return {
        **{
            name: ("astropy", lambda name=name: astropy.io.votable.parse(sources[name]()))
            for name in ("votable/b2", "votable/td", "votable/b")
        },
        "csv": ("pyarrow", lambda: pyarrow.csv.read_csv(sources["csv"]())),
        "tsv": ("pyarrow", lambda: pyarrow.csv.read_csv(sources["tsv"](), parse_options=tabs)),
        "fits": ("astropy", lambda: Table.read(sources["fits"](), format="fits")),
        "parquet": ("pyarrow", lambda: pq.read_table(sources["parquet"]())),
        "arrow": ("pyarrow", lambda: pa.ipc.open_stream(sources["arrow"]()).read_all()),
        "hdf5": ("h5py", lambda: hdf5_read_by_h5py(data["hdf5"])),
    }


def read_by_us(path: Path) -> None:
    # The dataset of nulls beside the columns is a second table for a reader of HDF5
    options = ReadOptions(group="data") if path.suffix == ".hdf5" else DEFAULT_OPTIONS
    with open_table(path, options) as opened:
        for _ in opened.batches():
            continue


def line(name: str, way: str, own: float, library: str, other: float, target: str = "") -> None:
    print(
        f"{name:12} {way:4} {own:13,.0f} {library:>9} {other:13,.0f} {own / other:9.2f} x {target}"
    )


def report_writing(table: pa.Table, few: pa.Table) -> None:
    libraries = library_writers(table, few)
    for writer in WRITERS:
        own = rate(table.num_rows, lambda name=writer.name: sum(map(len, ours(table, name))))
        library, rows, action = libraries[writer.name]
        other = rate(rows, action)
        target = ""
        if writer.name == "votable/b2":
            met = own / other >= VOTABLE_TARGET
            target = f"(target {VOTABLE_TARGET:g} x: {'met' if met else 'NOT MET'})"
        line(writer.name, "out", own, library, other, target)


def report_reading(table: pa.Table, few: pa.Table, folder: Path) -> None:
    data = {}
    for name in READ_FORMATS:
        source = few if name == "votable/td" else table
        data[name] = b"".join(ours(source, name))
    for name, (library, action) in library_readers(data).items():
        rows = few.num_rows if name == "votable/td" else table.num_rows
        path = folder / f"table.{writer_for(name).extension}"
        path.write_bytes(data[name])
        other = rate(rows, action, 1)
        try:
            own = rate(rows, lambda path=path: read_by_us(path), 1)
        except RegistryError as error:
            print(f"{name:12} in   not read: {str(error).splitlines()[0][:70]}")
            continue
        line(name, "in", own, library, other)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(f"{rows:,} rows of 20 columns; rows/s\n")
    print(f"{'format':12} {'way':4} {'pzvo':>13} {'library':>9} {'library':>13} {'ratio':>11}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_catalogue(folder / "catalogue.parquet", rows)
        table = pq.read_table(folder / "catalogue.parquet")
        few = table.slice(0, ASTROPY_ROWS)
        report_writing(table, few)
        report_reading(table, few, folder)


if __name__ == "__main__":
    main()
