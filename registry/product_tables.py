"""`pz.products` and `pz.columns`: the list of products as tables that can be queried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from registry.model.dataset import DID_UTYPE, DatasetIds
from registry.model.field import Datatype, Field, ValueType
from registry.model.frame import UTC
from registry.model.product import Product, ProductColumn, ProductVisibility
from registry.model.table import Column, ForeignKey, Schema, Storage, Table
from registry.product_types import product_types

__all__ = ["PRODUCTS_SCHEMA", "ListedProduct", "product_tables"]

PRODUCTS_SCHEMA = "pz"
"""Name of the schema; no product type may have it."""

_WORD = ValueType(Datatype.CHAR, "*")
_TEXT = ValueType(Datatype.UNICODE_CHAR, "*")
_INT = ValueType(Datatype.INT)
_LONG = ValueType(Datatype.LONG)
_DOUBLE = ValueType(Datatype.DOUBLE)
_TIME = ValueType(Datatype.CHAR, "*", "timestamp")


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A product as the tables show it.

    Attributes
    ----------
    product
        Published.
    columns
        Of the table of its current version; empty without one.
    """

    product: Product
    columns: Sequence[ProductColumn] = ()


def product_tables(
    listed: Iterable[ListedProduct],
    ids: DatasetIds = DatasetIds(),  # noqa: B008 - immutable
) -> tuple[Schema, dict[str, pa.Table]]:
    """Make the schema and the rows for one caller.

    Parameters
    ----------
    listed
        The published products that the caller may see, in the order of the rows.
    ids
        How they are identified.

    Returns
    -------
    tuple
        The schema, and the rows by physical name of the relation.
    """
    products = list(listed)
    schema = Schema(
        PRODUCTS_SCHEMA,
        (_products_table(len(products)), _columns_table(sum(len(p.columns) for p in products))),
        "The products of this service and their columns.",
    )
    rows = {
        "pz_products": [_product_row(each.product, ids) for each in products],
        "pz_columns": [row for each in products for row in _column_rows(each)],
    }
    return schema, {
        table.storage.relation: _arrow(table, rows[table.storage.relation])
        for table in schema.tables
    }


def _arrow(table: Table, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    schema = pa.schema([(c.physical, c.field.type.arrow) for c in table.columns])
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(v, type=f.type) for v, f in zip(values, schema, strict=True)], schema=schema
    )


def _product_row(product: Product, ids: DatasetIds) -> tuple[object, ...]:
    version = product.version
    return (
        product.id,
        product.internal_name,
        product.display_name,
        product.product_type,
        product.table_name if version is not None else None,
        product.release,
        product.owner,
        int(product.official),
        product.pz_code,
        product.description,
        product.edition,
        None if version is None else version.n_rows,
        None if version is None else version.sha256,
        product.data_url,
        product.creators,
        product.article,
        product.doi,
        product.licence,
        product.visibility.value,
        ids.publisher_did(product),
        product.origin,
        product.created.replace(tzinfo=None),
        product.updated.replace(tzinfo=None),
    )


def _column_rows(listed: ListedProduct) -> Iterator[tuple[object, ...]]:
    for position, column in enumerate(listed.columns, start=1):
        field, found = column.column.field, column.statistics
        yield (
            listed.product.id,
            listed.product.table_name,
            position,
            field.name,
            field.ucd,
            column.alias,
            field.unit,
            field.description,
            field.type.datatype.value,
            None if found is None else found.n_null,
            _number(None if found is None else found.minimum),
            _number(None if found is None else found.maximum),
            _number(None if found is None else found.mean),
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _table(
    name: str,
    description: str,
    nrows: int,
    columns: Sequence[tuple[str, ValueType, str | None, str | None, str]],
    keys: tuple[ForeignKey, ...] = (),
) -> Table:
    return Table(
        PRODUCTS_SCHEMA,
        name,
        tuple(
            Column(
                # The service's own moments are UTC.
                Field(
                    column,
                    kind,
                    unit,
                    ucd,
                    DID_UTYPE if ucd == "meta.ref.ivoid" else None,
                    said,
                    UTC if kind.is_timestamp else None,
                ),
                f"c{number}",
                principal=True,
            )
            for number, (column, kind, unit, ucd, said) in enumerate(columns)
        ),
        Storage(f"pz_{name}"),
        description=description,
        nrows=nrows,
        foreign_keys=keys,
    )


def _products_table(nrows: int) -> Table:
    types = ", ".join(each.name for each in product_types())
    return _table(
        "products",
        "Data products that you may see, one row each.",
        nrows,
        (
            ("id", _LONG, None, "meta.id;meta.main", "Number of the product."),
            ("internal_name", _TEXT, None, "meta.id", "Name that never changes."),
            ("display_name", _TEXT, None, "meta.title;meta.main", "Name for people."),
            ("product_type", _WORD, None, "meta.code.class", f"Type: {types}."),
            ("table_name", _WORD, None, "meta.id;meta.table", "Table with its rows, if any."),
            ("release", _TEXT, None, "meta.dataset", "Data release."),
            ("uploaded_by", _TEXT, None, "meta.id", "User name of the owner."),
            ("official", _INT, None, "meta.code", "1 for products of the collaboration."),
            ("pz_code", _TEXT, None, "meta.id;meta.software", "Photo-z code that made it."),
            ("description", _TEXT, None, "meta.note", "What it is (Markdown)."),
            ("version", _INT, None, "meta.version", "Number of the current version."),
            ("n_rows", _LONG, None, "meta.number", "Rows of the table."),
            ("sha256", _WORD, None, "meta.checksum", "SHA-256 of the main file."),
            ("data_url", _TEXT, None, "meta.ref.url", "Where the data are, if not here."),
            ("creators", _TEXT, None, "meta.bib.author", "Who made it, semicolons between."),
            ("article", _TEXT, None, "meta.bib", "Article to cite: DOI, bibcode or address."),
            ("doi", _TEXT, None, "meta.ref.doi", "DOI of the data."),
            ("licence", _TEXT, None, "meta.note", "Terms of use: SPDX identifier or address."),
            (
                "visibility",
                _WORD,
                None,
                "meta.code",
                f"Who may see it: {', '.join(ProductVisibility)}.",
            ),
            ("publisher_did", _WORD, None, "meta.ref.ivoid", "Identifier in the VO, for links."),
            (
                "origin",
                _TEXT,
                None,
                "meta.id;meta.software",
                "Pipeline; null for uploads.",
            ),
            ("created", _TIME, None, "time.creation", "When it was made, UTC."),
            ("updated", _TIME, None, "time.processing", "When it was changed last, UTC."),
        ),
    )


def _columns_table(nrows: int) -> Table:
    return _table(
        "columns",
        "Columns of the tables of products, with their meaning and statistics.",
        nrows,
        (
            ("product_id", _LONG, None, "meta.id", "Number of the product."),
            ("table_name", _WORD, None, "meta.id;meta.table", "Table that it is in."),
            ("column_index", _INT, None, "meta.number", "Place in the file, from 1."),
            ("column_name", _TEXT, None, "meta.id", "Name, as in the file."),
            ("ucd", _TEXT, None, "meta.ucd", "Meaning, in UCD1+."),
            ("alias", _TEXT, None, "meta.id", "Role, such as RA, Dec, z."),
            ("unit", _TEXT, None, "meta.unit", "Unit, in VOUnits."),
            ("description", _TEXT, None, "meta.note", "What it holds."),
            ("datatype", _WORD, None, "meta.code", "VOTable datatype of the values."),
            ("n_null", _LONG, None, "meta.number", "Rows without a value."),
            ("minimum", _DOUBLE, None, "meta.number;stat.min", "Smallest number."),
            ("maximum", _DOUBLE, None, "meta.number;stat.max", "Largest number."),
            ("mean", _DOUBLE, None, "meta.number;stat.mean", "Mean of the finite numbers."),
        ),
        (
            ForeignKey(
                "pz_columns_product",
                f"{PRODUCTS_SCHEMA}.products",
                (("product_id", "id"),),
                "Product of the column.",
            ),
        ),
    )
