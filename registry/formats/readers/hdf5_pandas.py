"""DataFrames that pandas wrote to HDF5, read without pandas.

pandas keeps names as pickles. They are never unpickled: their list of texts is read from the
opcodes (`pickletools`), and anything but a list of texts is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.hdf5_column import Hdf5Column, attribute_text, to_arrow

if TYPE_CHECKING:
    import h5py

__all__ = ["fixed_columns", "table_columns"]

_TEXTS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_IDLE = {"PROTO", "FRAME", "EMPTY_LIST", "LIST", "MARK", "APPEND", "APPENDS", "STOP"}
_IDLE |= {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}
"""Opcodes of a pickled list of texts (`pickletools` has their meaning)."""

_MAX_BLOCKS = 1_000


def table_columns(
    name: str, group: h5py.Group, table: h5py.Dataset
) -> tuple[list[h5py.Dataset], list[Hdf5Column]]:
    """Find the columns of a DataFrame in the format ``table``.

    Parameters
    ----------
    name
        Of the file.
    group, table
        Of the DataFrame.

    Raises
    ------
    UnreadableFile, UnsupportedFile
        If its names cannot be told.
    """
    columns: list[Hdf5Column] = []
    sample = np.empty(0, table.dtype)
    for number, field in enumerate(table.dtype.names or ()):
        kind = attribute_text(table, f"FIELD_{number}_NAME") or field
        if not kind.startswith("values_block_"):
            columns.append(Hdf5Column(field, to_arrow(sample[field]).type, 0, field))
            continue
        shape = table.dtype[field].shape
        names = _pickled_texts(name, _raw(table, f"{kind}_kind"))
        if len(names) != (shape[0] if shape else 1):
            raise UnreadableFile(
                f"{name!r}: {group.name!r} does not tell the names of {kind}; write it with "
                "data_columns=True"
            )
        for part, column in enumerate(names):
            values = sample[field][:, part] if shape else sample[field]
            columns.append(
                Hdf5Column(column, to_arrow(values).type, 0, field, part if shape else None)
            )
    return [table], columns


def fixed_columns(
    name: str, members: dict[str, h5py.Dataset]
) -> tuple[list[h5py.Dataset], list[Hdf5Column]]:
    """Find the columns of a DataFrame in the format ``fixed``, its index left out.

    Parameters
    ----------
    name
        Of the file.
    members
        Of its group, all checked.

    Raises
    ------
    UnreadableFile
        If its blocks do not fit together.
    """
    order = _names(members, "axis0")
    datasets: list[h5py.Dataset] = []
    columns: dict[str, Hdf5Column] = {}
    for number in range(_MAX_BLOCKS):
        values = members.get(f"block{number}_values")
        if values is None:
            break
        names = _names(members, f"block{number}_items")
        if values.ndim != 2 or values.shape[1] != len(names):
            raise UnreadableFile(f"{name!r}: block {number} of the DataFrame is incomplete")
        value_type = attribute_text(values, "value_type") or ""
        is_time = value_type.startswith("datetime64")
        sample = np.empty(0, values.dtype)
        for part, column in enumerate(names):
            arrow = pa.timestamp("ns") if is_time else to_arrow(sample).type
            columns[column] = Hdf5Column(column, arrow, len(datasets), part=part, is_time=is_time)
        datasets.append(values)
    missing = [column for column in order if column not in columns]
    if missing or not columns:
        raise UnreadableFile(f"{name!r}: the DataFrame lacks the columns {missing[:10]}")
    return datasets, [columns[column] for column in order]


def _names(members: dict[str, h5py.Dataset], node: str) -> list[str]:
    dataset = members.get(node)
    return [] if dataset is None else [str(n) for n in to_arrow(dataset[()]).to_pylist()]


def _raw(node: h5py.Dataset, attribute: str) -> bytes:
    if attribute not in node.attrs:
        return b""
    value = node.attrs[attribute]
    return bytes(value) if isinstance(value, bytes | np.bytes_) else b""


def _pickled_texts(name: str, pickled: bytes) -> list[str]:
    import pickletools

    found = []
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name in _TEXTS:
                found.append(str(argument))
            elif opcode.name not in _IDLE:
                raise UnsupportedFile(
                    f"{name!r} keeps the names of its columns in a pickle that does more than "
                    "list them, and that is never opened; write it with data_columns=True"
                )
    except ValueError:
        return []
    return found
