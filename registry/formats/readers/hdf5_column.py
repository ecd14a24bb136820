"""Columns of HDF5 datasets, and what of a dataset is safe to read.

A dataset may take its bytes from any file that the process can open (external storage, virtual
datasets), and may hold objects that only Python's pickle can restore. Both are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from registry.errors import UnreadableFile

if TYPE_CHECKING:
    import h5py

__all__ = ["Hdf5Column", "attribute_text", "check_dataset", "columns_of", "null_rows", "to_arrow"]

_FILTERS = {1, 2, 3, 4, 5, 6, 32000}
"""Filters that come with the library, and LZF of h5py; others would be loaded as plugins."""

_FREE_BYTES = 256 * 2**20
_MAX_RATIO = 1_100
"""Deflate shrinks at most 1,032 times; a dataset beyond that is mostly not in the file."""

_UNIT_NAMES = ("unit", "units", "UNIT", "UNITS")
_DESCRIPTION_NAMES = ("description", "DESCRIPTION", "long_name", "comment")


@dataclass(frozen=True, slots=True)
class Hdf5Column:
    """A column and where its values are.

    Attributes
    ----------
    name, type, unit, ucd, description, frame
        See `FileColumn`.
    dataset
        Index into the datasets of the table.
    field
        Field of a structured dataset.
    part
        Column of a two-dimensional dataset or field.
    is_time
        Whether 64-bit integers are nanoseconds since 1970.
    mask
        Index of the dataset that is true where the column is null.
    """

    name: str
    type: pa.DataType
    dataset: int
    field: str | None = None
    part: int | None = None
    unit: str | None = None
    ucd: str | None = None
    description: str | None = None
    frame: str | None = None
    is_time: bool = False
    mask: int | None = None

    def take(self, rows: Sequence[np.ndarray[Any, Any]]) -> pa.Array:
        """Pick this column from rows of all datasets of the table."""
        values = rows[self.dataset]
        if self.field is not None:
            values = values[self.field]
        if self.part is not None:
            values = values[:, self.part]
        array = to_arrow(values)
        if self.mask is not None:
            array = pc.if_else(pa.array(rows[self.mask]), pa.scalar(None, array.type), array)
        return array.cast(pa.timestamp("ns")) if self.is_time else array


def check_dataset(name: str, dataset: h5py.Dataset, file_bytes: int) -> None:
    """Refuse a dataset that reads other files, runs anything, or is not in the file.

    Parameters
    ----------
    name
        Of the file.
    dataset
        Opened, but not read.
    file_bytes
        Size of the file.

    Raises
    ------
    UnreadableFile
        If it must not be read; the message says why.
    """
    import h5py

    def refuse(reason: str) -> UnreadableFile:
        return UnreadableFile(f"{name!r}: dataset {dataset.name!r} {reason}")

    creation = dataset.id.get_create_plist()
    if creation.get_external_count():
        raise refuse("takes its values from another file, which is never opened; copy them in")
    if creation.get_layout() == h5py.h5d.VIRTUAL:
        raise refuse("is virtual: its values are in other files, which are never opened")
    filters = {creation.get_filter(i)[0] for i in range(creation.get_nfilters())}
    if filters - _FILTERS:
        raise refuse(
            f"is compressed by filter {min(filters - _FILTERS)}, which HDF5 itself does not have; "
            "write it with gzip"
        )
    problem = _type_problem(dataset.id.get_type())
    if problem is not None or attribute_text(dataset, "PSEUDOATOM") in ("object", "vlstring"):
        raise refuse(f"holds {problem or 'Python objects'}, which are never read; write plain ones")
    size = dataset.dtype.itemsize * int(np.prod(dataset.shape, dtype=np.float64))
    if size > max(_FREE_BYTES, _MAX_RATIO * file_bytes):
        raise refuse(f"claims {size / 1e6:.0f} MB, which cannot be in this file; write it again")


def _type_problem(kind: h5py.h5t.TypeID) -> str | None:
    import h5py

    h5t = h5py.h5t
    code = kind.get_class()
    if code == h5t.COMPOUND:
        members = [kind.get_member_type(i) for i in range(kind.get_nmembers())]
        return next((p for p in map(_type_problem, members) if p is not None), None)
    if code == h5t.ARRAY:
        return _type_problem(kind.get_super())
    if code in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM, h5t.BITFIELD):
        return None
    if code == h5t.VLEN and _is_number(kind.get_super()):
        return None
    names = {h5t.REFERENCE: "references", h5t.OPAQUE: "opaque bytes", h5t.VLEN: "objects"}
    return names.get(code, "values of a type without a meaning")


def _is_number(kind: h5py.h5t.TypeID) -> bool:
    import h5py

    # Lists of bytes are how Python objects are kept.
    is_integer = kind.get_class() == h5py.h5t.INTEGER and kind.dtype != np.uint8
    return bool(kind.get_class() == h5py.h5t.FLOAT or is_integer)


def columns_of(
    dataset: h5py.Dataset, name: str, index: int, warnings: list[str]
) -> list[Hdf5Column]:
    """List the columns of a dataset: its fields, or itself.

    Parameters
    ----------
    dataset
        A checked one, of at least one dimension.
    name
        Of the column, where it is only one.
    index
        Of the dataset among those of the table.
    warnings
        Takes what the user should know.
    """
    sample = np.empty((0, *dataset.shape[1:]), dataset.dtype)
    if dataset.dtype.names is None or _is_complex(dataset.dtype):
        _warn_of_shape(name, dataset.shape[1:], warnings)
        said = _said(dataset)
        if attribute_text(dataset, "datatype") is not None:
            name = attribute_text(dataset, "name") or name
        return [replace(Hdf5Column(name, to_arrow(sample).type, index), **said)]
    found = []
    for number, field in enumerate(dataset.dtype.names):
        _warn_of_shape(field, dataset.dtype[field].shape, warnings)
        unit = attribute_text(dataset, f"FIELD_{number}_UNIT")
        found.append(Hdf5Column(field, to_arrow(sample[field]).type, index, field, unit=unit))
    return found


def _said(dataset: h5py.Dataset) -> dict[str, Any]:
    def first(names: tuple[str, ...]) -> str | None:
        return next((t for t in (attribute_text(dataset, n) for n in names) if t), None)

    return {
        "unit": first(_UNIT_NAMES),
        "ucd": first(("ucd", "UCD")),
        "description": first(_DESCRIPTION_NAMES),
        "frame": first(("frame",)),
    }


def _warn_of_shape(name: str, shape: tuple[int, ...], warnings: list[str]) -> None:
    if len(shape) > 1:
        written = "x".join(map(str, shape))
        warnings.append(f"column {name!r}: arrays of {written} become flat, last index fastest")


def attribute_text(node: h5py.Dataset | h5py.Group, name: str) -> str | None:
    """Read an attribute that is plain text; none if there is none, or it is anything else."""
    import h5py

    # `name in node.attrs` takes twenty times as long, and most datasets have none of the names.
    if not h5py.h5a.exists(node.id, name.encode()):
        return None
    kind = node.attrs.get_id(name).dtype
    if kind.kind != "S" and h5py.check_string_dtype(kind) is None:
        return None
    value = node.attrs[name]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.strip() or None if isinstance(value, str) else None


def null_rows(dataset: h5py.Dataset) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Read the attribute with a bit for each row that is null, as this service writes it.

    Parameters
    ----------
    dataset
        With the rows.

    Returns
    -------
    numpy.ndarray or None
        Booleans, too few where the attribute is too short; none without such an attribute.
    """
    if "nulls" not in dataset.attrs or attribute_text(dataset, "datatype") is None:
        return None
    kind = dataset.attrs.get_id("nulls")
    if kind.dtype != np.uint8 or len(kind.shape) != 1:
        return np.empty(0, np.bool_)
    return np.unpackbits(dataset.attrs["nulls"])[: len(dataset)].astype(np.bool_)


def to_arrow(values: np.ndarray[Any, Any]) -> pa.Array:
    """Turn the values of a dataset, of any number of dimensions, into an Arrow array."""
    if _is_complex(values.dtype):
        values = np.stack([values.real, values.imag], axis=-1)
    element = (values.dtype.metadata or {}).get("vlen")
    if isinstance(element, np.dtype):
        offsets = np.cumsum([0, *(len(value) for value in values)], dtype=np.int32)
        flat = np.concatenate([np.empty(0, element), *values])
        return pa.ListArray.from_arrays(pa.array(offsets), _flat(flat.astype(element)))
    if values.ndim > 1:
        width = int(np.prod(values.shape[1:]))
        return pa.FixedSizeListArray.from_arrays(_flat(values.reshape(-1)), width)
    return _flat(values)


def _is_complex(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "c"


def _flat(values: np.ndarray[Any, Any]) -> pa.Array:
    if values.dtype.kind in "SO":
        binary = [value if isinstance(value, bytes) else str(value).encode() for value in values]
        return pa.array([_decoded(value) for value in binary], pa.string())
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        return pa.array(values.astype(np.float64))
    return pa.array(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
