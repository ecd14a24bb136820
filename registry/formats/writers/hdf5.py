"""HDF5: one dataset per column in one group, as RAIL and its ``tables_io`` have tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.formats.writers.base import Outcome, Result, started
from registry.formats.writers.elements import cell_lengths, cell_offsets, padded_cells, text_bytes
from registry.formats.writers.naming import distinct_names
from registry.formats.writers.spooling import (
    Spool,
    is_wasteful,
    spooled_schema,
    temporary_disk,
    text_columns,
)
from registry.formats.writers.votable import overflow_text
from registry.model.field import Field

if TYPE_CHECKING:
    import h5py

__all__ = ["COLUMNS_GROUP", "NULLS_ATTRIBUTE", "Hdf5Writer"]

COLUMNS_GROUP = "data"
"""The group with a dataset for each column; tables_io takes it for a table where it is alone."""

NULLS_ATTRIBUTE = "nulls"
"""The attribute of a dataset with nulls that has a bit for each row, the highest first."""

PIECE_BYTES = 131_072
"""Bytes of the finished file that are sent at once."""


class Hdf5Writer:
    """Write HDF5 once all rows are known, which wait in a temporary file until then.

    Notes
    -----
    Text is UTF-8 of a fixed width, filled up with zeros. A null is NaN, the smallest integer
    (255 for ``unsignedByte``), false or empty text, and a set bit in the attribute
    `NULLS_ATTRIBUTE`. Arrays of one length are a dataset of two dimensions; others, and text of
    very uneven length, have variable length.
    """

    name = "hdf5"
    media_type = "application/x-hdf5"
    aliases: tuple[str, ...] = (name, media_type, "application/x-hdf")
    ivo_id: str | None = None
    extension = "hdf5"

    def write(self, result: Result) -> Iterator[bytes]:
        """Produce the file in pieces; its attributes tell overflow and mid-stream errors.

        Raises
        ------
        StorageFull
            Before the first byte, if the disk of temporary files is full.
        """
        fields = distinct_names([field.renamed(_link(field.name)) for field in result.fields])
        batches = (
            text_columns(batch, result.fields, lambda text: text)
            for batch in started(result.batches)
        )
        with (
            Spool(batches, spooled_schema(result.fields)) as spool,
            tempfile.TemporaryFile() as file,
        ):
            with temporary_disk():
                _write_file(file, result, fields, spool)
                file.flush()
            file.seek(0)
            while piece := file.read(PIECE_BYTES):
                yield piece


def _write_file(file: IO[bytes], result: Result, fields: Sequence[Field], spool: Spool) -> None:
    import h5py

    # Attributes of more than 64 kB came with HDF5 1.8.
    with h5py.File(file, "w", libver=("v108", "v108")) as document:
        _add_attributes(document, _facts(result, result.outcome()))
        group = document.create_group(COLUMNS_GROUP, track_order=True)
        nulls: dict[int, npt.NDArray[np.bool_]] = {}
        columns = []
        for position, field in enumerate(fields):
            columns.append(_create(group, field, spool, position))
            _add_attributes(columns[-1], _meaning(field, result.fields[position].name))
            if spool.extents[position].nulls:
                nulls[position] = np.zeros(spool.rows, np.bool_)
        start = 0
        for batch in spool.batches():
            stop = start + batch.num_rows
            for target, column in zip(columns, batch.columns, strict=True):
                _fill(target, start, stop, _cells(column, target))
            for position, where in nulls.items():
                missing = batch.column(position).is_null()
                where[start:stop] = missing.to_numpy(zero_copy_only=False)
            start = stop
        for position, where in nulls.items():
            columns[position].attrs[NULLS_ATTRIBUTE] = np.packbits(where)


def _create(group: h5py.Group, field: Field, spool: Spool, position: int) -> h5py.Dataset:
    """Add the dataset of a column; its shape and type say how the cells are written."""
    import h5py

    extent = spool.extents[position]
    rows: tuple[int, ...] = (spool.rows,)
    if field.type.datatype.is_text:
        width = None if is_wasteful(extent, spool.rows) else max(1, extent.longest)
        return group.create_dataset(field.name, rows, h5py.string_dtype("utf-8", width))
    kind = np.dtype(_element(field.type.arrow).to_pandas_dtype())
    if field.type.is_array:
        width = field.type.length
        if width is None and extent.longest == extent.shortest > 0:
            width = extent.longest
        if width is None:
            # HDF5 converts no truth values inside of variable length
            kind = h5py.vlen_dtype(np.dtype(np.uint8) if kind == np.bool_ else kind)
        else:
            rows = (spool.rows, width)
    return group.create_dataset(field.name, rows, kind)


def _cells(column: pa.Array, target: h5py.Dataset) -> npt.NDArray[Any]:
    if pa.types.is_string(column.type):
        if target.dtype.kind == "O":
            texts: npt.NDArray[Any] = column.fill_null("").to_numpy(zero_copy_only=False)
            return texts
        width = target.dtype.itemsize
        cells = padded_cells(*text_bytes(column), width, 0)
        strings: npt.NDArray[Any] = np.ascontiguousarray(cells).view(target.dtype)
        return strings.reshape(len(column))
    if not pa.types.is_list(column.type):
        return _numbers(column)
    values, counts = _numbers(column.flatten()), cell_lengths(column)
    if values.dtype == np.bool_ and target.dtype != np.bool_:
        values = values.view(np.uint8)
    if target.ndim == 2:
        missing = _numbers(pa.nulls(1, column.type.value_type))[0]
        return padded_cells(values, counts, target.shape[1], missing)
    ragged = np.empty(len(column), object)
    starts = cell_offsets(counts)
    for row in range(len(column)):
        ragged[row] = values[starts[row] : starts[row + 1]]
    return ragged


def _fill(target: h5py.Dataset, start: int, stop: int, cells: npt.NDArray[Any]) -> None:
    """Write some rows of a column."""
    from h5py import h5s, h5t

    if cells.dtype != object or start == stop:
        target[start:stop] = cells
        return
    # h5py's own assignment takes arrays that happen to be equally long for one array
    place = target.id.get_space()
    place.select_hyperslab((start,), (stop - start,))
    kind = h5t.py_create(target.dtype)
    target.id.write(h5s.create_simple((stop - start,)), place, cells, kind)


def _numbers(values: pa.Array) -> npt.NDArray[Any]:
    """Give numbers or truth values, missing ones by their stand-in."""
    if values.null_count:
        values = values.fill_null(pa.scalar(_stand_in(values.type), values.type))
    numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers


def _stand_in(kind: pa.DataType) -> float | bool:
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_floating(kind):
        return float("nan")
    limits = np.iinfo(kind.to_pandas_dtype())
    return int(limits.max if kind == pa.uint8() else limits.min)


def _element(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_list(kind) else kind


def _facts(result: Result, outcome: Outcome) -> dict[str, str | None]:
    facts: dict[str, str | None] = {info.name: info.value for info in result.infos}
    facts |= {"QUERY_STATUS": "OK"}
    if outcome.error is not None:
        facts |= {"QUERY_STATUS": "ERROR", "message": outcome.error}
    elif outcome.overflow:
        facts |= {"QUERY_STATUS": "OVERFLOW", "message": overflow_text(result.maxrec)}
    return facts


def _meaning(field: Field, name: str) -> dict[str, str | None]:
    return {
        "name": name,
        "datatype": field.type.datatype.value,
        "arraysize": field.type.arraysize,
        "xtype": field.type.xtype,
        "unit": field.unit,
        "ucd": field.ucd,
        "utype": field.utype,
        "description": field.description,
        "frame": field.frame,
    }


def _add_attributes(target: h5py.Group | h5py.Dataset, values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is not None:
            target.attrs[name.replace("\0", "")] = value.replace("\0", "")


def _link(name: str) -> str:
    """Give a name that HDF5 can have in a group: not empty, no path, no zero."""
    cleaned = name.replace("/", "_").replace("\0", "")
    return cleaned if cleaned.strip(".") else f"_{cleaned}"
