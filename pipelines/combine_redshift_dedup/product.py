"""The product as a file: its columns with their meaning, in the format that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from pipelines.combine_redshift_dedup.columns import OUTPUT_COLUMNS
from pipelines.product_file import write_table
from pipelines.specification import OutputColumn
from registry.model.field import Datatype, Field, ValueType

__all__ = ["columns_assoc", "write_product"]

_ASSOCIATIONS = {
    "id": "CRD_ID",
    "ra": "ra",
    "dec": "dec",
    "z": "z",
    "z_flag": "z_flag_homogenized",
    "z_err": "z_err",
    "survey": "survey",
}
"""Standard name and column of the product, as the original's ``process.yml`` has them."""

_TYPES: tuple[tuple[pa.DataType, ValueType], ...] = (
    (pa.bool_(), ValueType(Datatype.BOOLEAN)),
    (pa.int8(), ValueType(Datatype.SHORT)),
    (pa.int16(), ValueType(Datatype.SHORT)),
    (pa.int32(), ValueType(Datatype.INT)),
    (pa.int64(), ValueType(Datatype.LONG)),
    (pa.float64(), ValueType(Datatype.DOUBLE)),
)


def columns_assoc(table: pa.Table) -> dict[str, str]:
    """Name the columns of the product that play the standard roles.

    Parameters
    ----------
    table
        The product.
    """
    return {role: name for role, name in _ASSOCIATIONS.items() if name in table.column_names}


def write_product(table: pa.Table, path: Path, format_name: str, infos: Mapping[str, str]) -> None:
    """Write the product.

    Parameters
    ----------
    table
        Its rows.
    path
        The file, or the folder of a HATS collection; it does not exist.
    format_name
        ``parquet``, ``csv``, ``fits``, ``hdf5``, ``votable`` or ``hats``.
    infos
        Statements about the product that the format may carry (seed, version).

    Raises
    ------
    StorageFull
        If the disk is full.
    UnsupportedFormat
        If there is no such format.
    """
    known = {column.name: column for column in OUTPUT_COLUMNS}
    fields = [_field(column.name, column.type, known) for column in table.schema]
    write_table(table, fields, path, format_name, infos)


def _field(name: str, kind: pa.DataType, known: Mapping[str, OutputColumn]) -> Field:
    said = known.get(name)
    value = next((value for arrow, value in _TYPES if arrow == kind), None)
    if value is None:
        value = ValueType(Datatype.UNICODE_CHAR, "*")
    if said is None:
        return Field(name, value)
    return Field(name, value, said.unit, said.ucd, said.utype, said.description)
