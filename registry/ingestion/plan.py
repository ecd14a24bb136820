"""What publishing a file would do, column by column, with every problem at once."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from registry.annotation.suggestions import Suggestion
from registry.formats.readers.options import DEFAULT_OPTIONS, ReadOptions
from registry.model.annotation import Annotations
from registry.model.field import Field
from registry.model.product import ColumnStatistics, ProductColumn, ProductType, ProductVisibility
from registry.model.table import Column, Position

__all__ = ["PlannedColumn", "PublishPlan", "PublishRequest", "Published"]


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What the user asks for beside the file.

    Attributes
    ----------
    name
        Display name of the product; need not be unique.
    product_type
        Name of a product type, or an older name of it.
    columns
        Pairs of file column and alias or UCD.
    annotations
        What the annotation file says.
    release
        Name of a data release.
    description
        Of the product, for people (Markdown).
    replace
        Internal name of the product that gets a new version, or true for the one product of
        the caller with this display name.
    accept_suggestions
        Whether suggested UCDs and units are taken, and roles that the type does not demand.
    official
        Whether it is a product of the collaboration; coordinators and operators alone may say so.
    visibility, groups
        Who may see it, as of `Product`; a new version of a product leaves that as it is.
    read
        Which table of the file, where it holds several, and how it is laid out.
    """

    name: str
    product_type: str
    columns: tuple[tuple[str, str], ...] = ()
    annotations: Annotations | None = None
    release: str | None = None
    description: str | None = None
    replace: str | bool = False
    accept_suggestions: bool = False
    official: bool = False
    visibility: ProductVisibility = ProductVisibility.RELEASE
    groups: frozenset[str] = frozenset()
    read: ReadOptions = DEFAULT_OPTIONS


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """What becomes of one column.

    Attributes
    ----------
    file_name, file_type
        Name and Arrow type in the file.
    adql_name
        As a query writes it, quoted where it must be; absent for a nameless column.
    column
        As it will be published; absent where its type cannot be.
    simple
        Arrow type between the file's and the published one (see `types`).
    alias
        Role or free text.
    suggestion
        What it probably is, shown to the user.
    statistics
        Of the values, if they were read.
    frame
        What is stated of its frame, by the file or a person.
    null
        Values that mean that there is none.
    """

    file_name: str
    file_type: str
    adql_name: str | None
    column: Column | None
    simple: pa.DataType | None
    alias: str | None = None
    suggestion: Suggestion | None = None
    statistics: ColumnStatistics | None = None
    frame: str | None = None
    null: tuple[str, ...] = ()

    @property
    def field(self) -> Field | None:
        """Name, VOTable type, unit, UCD, utype and description."""
        return None if self.column is None else self.column.field

    @property
    def product_column(self) -> ProductColumn | None:
        """What is kept of the column in the metadata database."""
        if self.column is None:
            return None
        return ProductColumn(self.column, self.file_type, self.alias, self.statistics)


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """What publishing would do.

    Attributes
    ----------
    format
        Of the file, for people.
    product_type
        Of the product.
    columns
        In file order.
    n_rows
        Rows of the file.
    problems
        Reasons why it cannot be published; empty if it can.
    warnings
        What the user should know.
    notes
        What was assumed, for a dry run.
    position
        Physical names of the main position, if there is one.
    coverage
        MOC in ASCII of the positions.
    description
        Of the table.
    """

    format: str
    product_type: ProductType
    columns: tuple[PlannedColumn, ...]
    n_rows: int
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    position: Position | None = None
    coverage: str | None = None
    description: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the file can be published as asked."""
        return not self.problems

    @property
    def missing_assignments(self) -> tuple[tuple[str, str], ...]:
        """Columns that look like mandatory roles which no column plays, with the role."""
        played = {column.alias for column in self.columns}
        found: dict[str, str] = {}
        for column in self.columns:
            alias = None if column.suggestion is None else column.suggestion.alias
            if alias in self.product_type.mandatory and alias not in played:
                found.setdefault(alias, column.file_name)
        return tuple((name, alias) for alias, name in found.items())

    @property
    def published_columns(self) -> tuple[ProductColumn, ...]:
        """The columns as the metadata database keeps them."""
        kept = (column.product_column for column in self.columns)
        return tuple(column for column in kept if column is not None)


@dataclass(frozen=True, slots=True)
class Published:
    """What was published.

    Attributes
    ----------
    internal_name
        Of the product.
    table_name
        Qualified name of its table.
    n_rows
        Rows of the table.
    version
        Number of the version, 1 for a new product.
    plan
        What was done with each column.
    """

    internal_name: str
    table_name: str
    n_rows: int
    version: int
    plan: PublishPlan
