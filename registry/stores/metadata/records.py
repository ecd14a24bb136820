"""Between rows of the metadata database and the records of the model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from registry.model.field import Datatype, Field, ValueType
from registry.model.product import (
    ColumnStatistics,
    Product,
    ProductColumn,
    ProductStatus,
    ProductVersion,
)
from registry.model.table import Column

__all__ = ["column_values", "product_column", "product_from_row", "version_values"]

_VERSION_FIELDS = (
    "number",
    "file_name",
    "size_bytes",
    "sha256",
    "n_rows",
    "relation",
    "table_file",
    "created",
    "ra",
    "dec",
    "coverage",
    "description",
)


def product_from_row(row: Row[Any]) -> Product:
    """Read a product and the head of its current version."""
    values = row._mapping  # noqa: SLF001 - the public name of the mapping starts so
    version = None
    if values["version_number"] is not None:
        version = ProductVersion(**{name: values[f"version_{name}"] for name in _VERSION_FIELDS})
    return Product(
        id=row.id,
        internal_name=row.internal_name,
        display_name=row.display_name,
        product_type=row.product_type,
        status=ProductStatus(row.status),
        created=row.created,
        updated=row.updated,
        owner=row.owner,
        official=row.official,
        release=row.release,
        description=row.description,
        version=version,
    )


def version_values(version: ProductVersion) -> dict[str, Any]:
    """Give the values of a version's row."""
    return {name: getattr(version, name) for name in _VERSION_FIELDS}


def product_column(row: Row[Any]) -> ProductColumn:
    """Read a column."""
    value_type = ValueType(Datatype(row.datatype), row.arraysize, row.xtype)
    field = Field(row.name, value_type, row.unit, row.ucd, row.utype, row.description)
    statistics = None if row.statistics is None else ColumnStatistics(**row.statistics)
    column = Column(field, row.physical, principal=row.principal, indexed=row.indexed)
    return ProductColumn(column, row.file_type, row.alias, statistics)


def column_values(column: ProductColumn) -> dict[str, Any]:
    """Give the values of a column's row."""
    field = column.column.field
    return {
        "name": field.name,
        "physical": column.column.physical,
        "datatype": field.type.datatype.value,
        "arraysize": field.type.arraysize,
        "xtype": field.type.xtype,
        "unit": field.unit,
        "ucd": field.ucd,
        "utype": field.utype,
        "description": field.description,
        "alias": column.alias,
        "principal": column.column.principal,
        "indexed": column.column.indexed,
        "file_type": column.file_type,
        "statistics": None if column.statistics is None else asdict(column.statistics),
    }
