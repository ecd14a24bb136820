"""What the product service takes and gives beside the products themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.model.product import ProductVisibility
from registry.model.product_file import ProductContent, ProductFile
from registry.stores.files import FileStore
from registry.stores.manifest_keeper import ManifestKeeper
from registry.stores.metadata.contents import SqlContentStore
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.drafts import SqlDraftStore
from registry.stores.metadata.products import SqlProductStore
from registry.stores.metadata.provenance import SqlProvenanceStore
from registry.stores.metadata.selection import SqlProductSelection

__all__ = [
    "Association",
    "MainFileInfo",
    "Preview",
    "ProductDraft",
    "ProductLimits",
    "ProductStores",
    "TableFacts",
]


@dataclass(frozen=True, slots=True)
class ProductStores:
    """The stores that the product services share.

    Attributes
    ----------
    products, drafts, contents, provenance, selection
        In the metadata database.
    files
        On disk.
    """

    products: SqlProductStore
    drafts: SqlDraftStore
    contents: SqlContentStore
    provenance: SqlProvenanceStore
    selection: SqlProductSelection
    files: FileStore

    @classmethod
    def over(cls, database: MetadataDatabase, files: FileStore) -> ProductStores:
        """Make them over one database and one folder, with manifests that follow the records."""
        ManifestKeeper(database, files.home).follow()
        return cls(
            SqlProductStore(database),
            SqlDraftStore(database),
            SqlContentStore(database),
            SqlProvenanceStore(database),
            SqlProductSelection(database),
            files,
        )


@dataclass(frozen=True, slots=True)
class ProductLimits:
    """What people may put into the service.

    Attributes
    ----------
    file_bytes
        Size of an uploaded file.
    files
        Files of a product, all versions together.
    arriving, arriving_bytes
        Uploads in pieces of one user that are under way, and their size when they are whole.
    converted_bytes, converted_bytes_per_visitor
        Size of the converted files that are kept until they are sent.
    """

    file_bytes: int = 10 * 2**30
    files: int = 200
    arriving: int = 20
    arriving_bytes: int = 50 * 2**30
    converted_bytes: int = 20 * 2**30
    converted_bytes_per_visitor: int = 5 * 2**30


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """What a user says of a new product.

    Attributes
    ----------
    display_name
        Need not be unique.
    product_type
        Name of the type, or an older name of it.
    release
        Name of the data release.
    official
        Whether it is a product of the collaboration.
    pz_code
        Name of the photo-z code that made it.
    description
        For people (Markdown).
    release_year
        Year of the data release.
    data_url
        Where the data are, if they are not here.
    creators, article, doi, licence, visibility, groups
        As of `Product`.
    """

    display_name: str
    product_type: str
    release: str | None = None
    official: bool = False
    pz_code: str | None = None
    description: str | None = None
    release_year: int | None = None
    data_url: str | None = None
    creators: str | None = None
    article: str | None = None
    doi: str | None = None
    licence: str | None = None
    visibility: str = ProductVisibility.RELEASE
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Association:
    """What the columns of a file would mean, and what is wrong with it.

    Attributes
    ----------
    contents
        All columns in file order, as they would be.
    problems
        Sentences by number of the column and name of the statement.
    missing
        Roles that the type of the product demands and no column would play.
    """

    contents: tuple[ProductContent, ...] = ()
    problems: Mapping[tuple[int, str], str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MainFileInfo:
    """A main file and its columns.

    Attributes
    ----------
    file
        The file.
    contents
        Its columns in file order; empty if it holds no table.
    delimiter, has_header
        Of a text file, as `pzserver` gets it.
    """

    file: ProductFile
    contents: tuple[ProductContent, ...]
    delimiter: str | None = None
    has_header: bool | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a table, in the types of JSON.

    Attributes
    ----------
    columns
        Names in file order.
    rows
        At most a hundred.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What was found in a main file.

    Attributes
    ----------
    format
        Of the file, for people.
    n_rows
        Rows of the table.
    histogram
        Of redshifts: ``column``, ``low``, ``width``, ``counts``, and ``outside`` for values that
        are no redshifts; absent without such a column.
    footprint
        Objects by HEALPix cell (nested): ``order``, ``cells``, ``counts``; absent without
        positions.
    coverage
        Sky coverage, MOC in ASCII.
    warnings
        What the user should know.
    layout
        ``delimiter`` and ``has_header`` of a text file; ``is_plain`` where programs that know one
        table in a file read this one.
    registered
        When it was read.
    """

    format: str | None = None
    n_rows: int | None = None
    histogram: dict[str, Any] | None = None
    footprint: dict[str, Any] | None = None
    coverage: str | None = None
    warnings: tuple[str, ...] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)
    registered: datetime | None = None
