"""Data products: what is published, of which type, in which versions, under which names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from registry.model.table import Column

__all__ = [
    "MAX_TABLE_NAME",
    "ColumnStatistics",
    "Product",
    "ProductColumn",
    "ProductStatus",
    "ProductType",
    "ProductVersion",
    "ProductVisibility",
    "find_type",
    "internal_name",
    "slug",
    "table_name",
]

MAX_TABLE_NAME = 60
"""Characters of a table name at most: it stays readable, and below the 63 of PostgreSQL."""


class ProductStatus(IntEnum):
    """Where a product is in its life; the numbers are those of the Photo-z Server's API."""

    REGISTERING = 0
    PUBLISHED = 1
    DELETED = 2
    PROCESSING = 3
    FAILED = 9


class ProductVisibility(StrEnum):
    """Who may see a published product, beside its owner and the operators.

    It narrows what the release of the product allows, and never widens it.
    """

    RELEASE = "release"
    """Whoever may see its release; without one, everybody."""

    MEMBERS = "members"
    """Those alone who are logged in."""

    GROUPS = "groups"
    """The members of groups that are named alone."""

    OWNER = "owner"
    """Nobody else."""


@dataclass(frozen=True, slots=True)
class ProductType:
    """A kind of product and its rules.

    Attributes
    ----------
    name
        Regular identifier; also the schema of the tables of such products.
    id
        Number in the API.
    display_name, description
        For people.
    order
        Place in lists.
    release_allowed
        Whether a product may belong to a data release.
    pz_code
        Whether a product may name a photo-z code.
    tabular
        Whether the main file must be a table.
    mandatory
        Aliases that must be associated before publication.
    synonyms
        Older names, lower case.
    """

    name: str
    id: int
    display_name: str
    description: str
    order: int
    release_allowed: bool
    pz_code: bool
    tabular: bool
    mandatory: tuple[str, ...]
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What the values of one column are like; a floating NaN counts as null.

    Attributes
    ----------
    n_null
        Rows without a value.
    minimum, maximum
        Extremes of numbers and timestamps (as ISO text); absent for other types.
    mean
        Arithmetic mean of the finite numbers.
    n_distinct
        Number of different values, absent when there are more than are counted.
    """

    n_null: int
    minimum: float | int | str | None = None
    maximum: float | int | str | None = None
    mean: float | None = None
    n_distinct: int | None = None


@dataclass(frozen=True, slots=True)
class ProductColumn:
    """A column of a product: of its table and of the user's file.

    Attributes
    ----------
    column
        As it is queried.
    file_type
        Arrow type in the user's file.
    alias
        Role in the Photo-z Server's words (``RA``, ``z`` ...) or free text.
    statistics
        Of the values.
    """

    column: Column
    file_type: str
    alias: str | None = None
    statistics: ColumnStatistics | None = None


@dataclass(frozen=True, slots=True)
class ProductVersion:
    """One immutable edition of a product's data.

    Attributes
    ----------
    number
        From 1.
    file_name
        Name of the user's file, which is kept byte by byte.
    size_bytes, sha256
        Of that file.
    n_rows
        Rows of the table.
    relation, table_file
        Physical name of the table in the engine, and its file in the table folder.
    created
        Moment of publication, UTC.
    columns
        In file order; empty where only the heads were asked for.
    ra, dec
        Physical names of the columns with the main position, if there is one.
    coverage
        Sky coverage, MOC in its ASCII form.
    description
        Of the table, if the file or the annotations say one.
    annotation
        How often its columns were annotated anew since; a cache of columns needs it in its key.
    """

    number: int
    file_name: str
    size_bytes: int
    sha256: str
    n_rows: int
    relation: str
    table_file: str
    created: datetime
    columns: tuple[ProductColumn, ...] = ()
    ra: str | None = None
    dec: str | None = None
    coverage: str | None = None
    description: str | None = None
    annotation: int = 0


@dataclass(frozen=True, slots=True)
class Product:
    """A data product.

    Attributes
    ----------
    id
        Number, unique for ever.
    internal_name
        ``{id}_{slug}``, unique for ever; it does not follow a change of the display name.
    display_name
        Given by the owner; not unique.
    product_type
        Name of the type.
    status
        Where it is in its life.
    created, updated
        UTC.
    owner
        User name.
    official
        Whether it is a product of the collaboration.
    release, description
        Data release; text for people (Markdown).
    visibility, groups
        Who may see it when it is published, and the names of the groups if it is for groups.
    version
        The table of the current version, if it has one.
    edition
        Number of the current version; absent before publication, and without a main file.
    pz_code
        Name of the photo-z code that made it.
    release_year
        Year of the data release.
    data_url
        Where the data are, if they are not here.
    failure
        Why it failed, or why it has no table although it has a main file.
    creators, article, doi, licence
        Names with semicolons between them; DOI, bibcode or address of the article to cite; DOI of
        the data; SPDX identifier or address of the terms of use.
    origin, process
        Name of the pipeline that made it, and the id of its job; absent for uploads.
    """

    id: int
    internal_name: str
    display_name: str
    product_type: str
    status: ProductStatus
    created: datetime
    updated: datetime
    owner: str | None = None
    official: bool = False
    release: str | None = None
    description: str | None = None
    visibility: ProductVisibility = ProductVisibility.RELEASE
    groups: frozenset[str] = frozenset()
    version: ProductVersion | None = field(default=None, compare=False)
    edition: int | None = field(default=None, compare=False)
    pz_code: str | None = None
    release_year: int | None = None
    data_url: str | None = None
    creators: str | None = None
    article: str | None = None
    doi: str | None = None
    licence: str | None = None
    failure: str | None = None
    origin: str | None = None
    process: str | None = None

    @property
    def table_name(self) -> str:
        """Qualified name of the product's table."""
        return f"{self.product_type}.{table_name(self.internal_name)}"


def slug(display_name: str) -> str:
    """Make the readable part of an internal name, by the Photo-z Server's rule.

    Parameters
    ----------
    display_name
        Any text; letters of any script stay.
    """
    text = display_name.replace(" ", "_").lower().strip()
    return "".join(c for c in text if c.isalnum() or c == "_")


def internal_name(product_id: int, display_name: str) -> str:
    """Make the internal name of a product, at most 255 characters."""
    return f"{product_id}_{slug(display_name)}"[:255]


def table_name(product: str) -> str:
    """Make the name of a product's table: always a regular ADQL identifier.

    Parameters
    ----------
    product
        Internal name; transliterated to ASCII, prefixed with ``p`` and cut.
    """
    plain = unicodedata.normalize("NFKD", product).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]", "", f"p{plain}")[:MAX_TABLE_NAME]


def find_type(types: Iterable[ProductType], name: str) -> ProductType | None:
    """Find a product type by its name, display name or an older name.

    Notes
    -----
    Letters and digits count alone, in any case: ``Spec-z Catalog`` is ``specz_catalog``.
    """
    wanted = _bare(name)
    for candidate in types:
        names = (candidate.name, candidate.display_name, *candidate.synonyms)
        if wanted and wanted in map(_bare, names):
            return candidate
    return None


def _bare(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
