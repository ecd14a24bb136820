"""Between rows of the metadata database and the records of the model."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row

from registry.model.field import Datatype, Field, ValueType
from registry.model.product import (
    ColumnStatistics,
    Product,
    ProductColumn,
    ProductStatus,
    ProductVersion,
    ProductVisibility,
)
from registry.model.product_file import FileRole, ProductContent, ProductFile
from registry.model.table import Column
from registry.stores.metadata.heads import BETWEEN_GROUPS

__all__ = [
    "column_values",
    "content_from_row",
    "content_values",
    "file_from_row",
    "file_values",
    "product_column",
    "product_from_row",
    "version_values",
]

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
    "annotation",
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
        visibility=ProductVisibility(row.visibility),
        groups=frozenset((row.group_names or "").split(BETWEEN_GROUPS)) - {""},
        version=version,
        edition=row.current_version,
        pz_code=row.pz_code,
        release_year=row.release_year,
        data_url=row.data_url,
        creators=row.creators,
        article=row.article,
        doi=row.doi,
        licence=row.licence,
        failure=row.failure,
        origin=row.origin,
        process=row.process,
    )


def version_values(version: ProductVersion) -> dict[str, Any]:
    """Give the values of a version's row."""
    return {name: getattr(version, name) for name in _VERSION_FIELDS}


def product_column(row: Row[Any]) -> ProductColumn:
    """Read a column."""
    value_type = ValueType(Datatype(row.datatype), row.arraysize, row.xtype)
    field = Field(row.name, value_type, row.unit, row.ucd, row.utype, row.description, row.frame)
    statistics = None if row.statistics is None else ColumnStatistics(**row.statistics)
    column = Column(field, row.physical, principal=row.principal, indexed=row.indexed)
    return ProductColumn(column, row.file_type, row.alias, statistics)


_FILE_FIELDS = tuple(f.name for f in fields(ProductFile) if f.name not in ("role", "reading"))

_CONTENT_FIELDS = tuple(f.name for f in fields(ProductContent) if f.name != "statistics")


def file_from_row(row: Row[Any]) -> ProductFile:
    """Read a file of a product."""
    return ProductFile(
        role=FileRole(row.role),
        reading=row.reading or {},
        **{name: getattr(row, name) for name in _FILE_FIELDS},
    )


def file_values(file: ProductFile) -> dict[str, Any]:
    """Give the values of a file's row, without its id."""
    values = {name: getattr(file, name) for name in _FILE_FIELDS if name != "id"}
    return values | {"role": int(file.role), "reading": dict(file.reading) or None}


def content_from_row(row: Row[Any]) -> ProductContent:
    """Read what is said of a column of a file."""
    statistics = None if row.statistics is None else ColumnStatistics(**row.statistics)
    values = {name: getattr(row, name) for name in _CONTENT_FIELDS}
    return ProductContent(statistics=statistics, **values)


def content_values(content: ProductContent) -> dict[str, Any]:
    """Give the values of a content's row, without its id."""
    values = {name: getattr(content, name) for name in _CONTENT_FIELDS if name != "id"}
    statistics = content.statistics
    return values | {"statistics": None if statistics is None else asdict(statistics)}


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
        "frame": field.frame,
        "alias": column.alias,
        "principal": column.column.principal,
        "indexed": column.column.indexed,
        "file_type": column.file_type,
        "statistics": None if column.statistics is None else asdict(column.statistics),
    }
