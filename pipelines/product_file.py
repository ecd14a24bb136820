"""The product of a run as a file of any format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from pipelines.hats import write_hats
from registry.durability import disk_errors
from registry.formats.writers.base import ResultInfo
from registry.formats.writers.registry import writer_for
from registry.formats.writers.stream import ResultStream
from registry.model.field import Field

__all__ = ["output_suffix", "write_table"]

_SUFFIXES = {"votable": ".vot"}


def output_suffix(format_name: str) -> str:
    """Give the suffix of a file of a format, with its dot.

    Parameters
    ----------
    format_name
        One of `OUTPUT_FORMATS`.
    """
    return _SUFFIXES.get(format_name, f".{format_name}")


def write_table(
    table: pa.Table,
    fields: Sequence[Field],
    path: Path,
    format_name: str,
    infos: Mapping[str, str],
    *,
    position: tuple[str, str] = ("ra", "dec"),
) -> None:
    """Write rows with what is known of their columns.

    Parameters
    ----------
    table
        The rows, in the types of the fields.
    fields
        One for each column.
    path
        The file, or the folder of a HATS collection; it does not exist.
    format_name
        ``parquet``, ``csv``, ``fits``, ``hdf5``, ``votable`` or ``hats``.
    infos
        Statements about the product that the format may carry (seed, version).
    position
        Columns with the position, for partitions of HATS.

    Raises
    ------
    StorageFull
        If the disk is full.
    UnsupportedFormat
        If there is no such format.
    """
    if format_name == "hats":
        with disk_errors():
            write_hats(table.cast(pa.schema([field.arrow for field in fields])), path, position)
        return
    writer = writer_for(format_name)
    stream = ResultStream(
        fields,
        table.to_batches(),
        infos=[ResultInfo(name, value) for name, value in infos.items()],
    )
    with disk_errors(), path.open("xb") as handle:
        for piece in writer.write(stream):
            handle.write(piece)
