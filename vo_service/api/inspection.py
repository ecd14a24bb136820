"""What was found in products as documents of the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from registry.model.product import Product
from registry.model.product_file import ProductContent, ProductFile
from registry.products.records import MainFileInfo, TableFacts
from vo_service.api.models.products import (
    AssociatedColumn,
    ColumnFacts,
    FactsAnswer,
    MainFile,
    VersionAnswer,
)

__all__ = ["facts_document", "main_file_document", "provenance_document", "version_document"]

_JSON = TypeAdapter(dict[str, Any])


def main_file_document(info: MainFileInfo | None) -> MainFile:
    """Make the document of a main file, and that of a product which has none."""
    if info is None:
        return MainFile(
            name=None, type=None, extension=None, size=None, n_rows=None, is_directory=False,
            sha256=None, associated_columns=[], delimiter=None, has_header=None, columns=[],
        )  # fmt: skip
    return MainFile(
        name=info.file.name,
        type=info.file.media_type,
        extension=info.file.extension,
        size=info.file.size_bytes,
        n_rows=info.file.n_rows,
        is_directory=info.file.is_directory,
        sha256=info.file.sha256,
        associated_columns=[_column(content) for content in info.contents],
        delimiter=info.delimiter,
        has_header=info.has_header,
        columns=[content.column_name for content in info.contents],
    )


def facts_document(facts: TableFacts, contents: Sequence[ProductContent]) -> FactsAnswer:
    """Make the document of what a table is like."""
    return FactsAnswer(
        n_rows=facts.n_rows,
        columns=[_column_facts(content) for content in contents],
        histogram=None if facts.histogram is None else dict(facts.histogram),
        footprint=None if facts.footprint is None else dict(facts.footprint),
        coverage=facts.coverage,
        warnings=list(facts.warnings),
    )


def version_document(
    file: ProductFile, product: Product, url: Callable[[str], str]
) -> VersionAnswer:
    """Make the document of a version of a product.

    Parameters
    ----------
    file
        Main file of the version.
    product
        Whose version it is.
    url
        Makes absolute URLs of paths below the root of the API.
    """
    return VersionAnswer(
        version=file.version,
        file_id=file.id,
        name=file.name,
        size=file.size_bytes,
        sha256=file.sha256,
        n_rows=file.n_rows,
        created=file.created,
        current=file.version is not None and file.version == product.edition,
        download_url=url(f"product-files/{file.id}/download/"),
    )


def provenance_document(provenance: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Make the document of a provenance, in the types of JSON."""
    document: dict[str, Any] = _JSON.dump_python(asdict(provenance), mode="json")
    return document


def _column(content: ProductContent) -> AssociatedColumn:
    return AssociatedColumn(
        column_name=content.column_name,
        ucd=content.ucd,
        alias=content.alias,
        unit=content.unit,
        description=content.description,
        datatype=content.file_type,
    )


def _column_facts(content: ProductContent) -> ColumnFacts:
    found = content.statistics
    return ColumnFacts(
        column_name=content.column_name,
        n_null=None if found is None else found.n_null,
        minimum=None if found is None else found.minimum,
        maximum=None if found is None else found.maximum,
        mean=None if found is None else found.mean,
        n_distinct=None if found is None else found.n_distinct,
    )
