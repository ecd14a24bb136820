"""Documents about products and about what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from registry.model.product import ProductVisibility
from vo_service.api.models.base import Answer, Sent

__all__ = [
    "AssociatedColumn",
    "ColumnFacts",
    "ContentAnswer",
    "ContentChange",
    "DownloadAnswer",
    "FactsAnswer",
    "MainFile",
    "NewProduct",
    "PendingProduct",
    "PreviewAnswer",
    "ProcessConfig",
    "ProductAnswer",
    "ProductChange",
    "ProductReplacement",
    "ProductWithMainFile",
    "VersionAnswer",
]

Name = Annotated[str, Field(min_length=1, max_length=255)]
Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
GroupName = Annotated[str, Field(max_length=150)]


class ProductAnswer(Answer):
    """A product.

    Attributes
    ----------
    status
        0 Registering, 1 Published, 2 Deleted, 3 Processing, 9 Failed.
    origin
        ``Upload``, or the name of the pipeline that made it.
    table_name
        Under which TAP knows its table; null before publication and without a table.
    data_url
        Where the data are, if they are not here.
    creators, article, doi, licence
        Names with semicolons between them; article to cite, as DOI, bibcode or address; DOI of
        the data; SPDX identifier or address of the terms of use.
    visibility, groups
        Who may see it when it is published: ``release`` (whoever may see its release), ``members``,
        ``groups`` (those named, which are shown to those alone who may change it) or ``owner``.
    failure
        Why it failed, or why it has no table although it has a main file.
    """

    id: int
    release: int | None
    release_name: str | None
    product_type: int
    product_type_name: str
    product_type_internal_name: str
    uploaded_by: str | None
    is_owner: bool
    origin: str
    process_status: str | None
    process_id: str | None
    product_status: str
    can_delete: bool
    can_update: bool
    internal_name: str
    display_name: str
    official_product: bool
    pz_code: str | None
    description: str | None
    created_at: datetime
    updated_at: datetime
    status: int
    release_year: int | None
    data_url: str | None
    creators: str | None
    article: str | None
    doi: str | None
    licence: str | None
    visibility: ProductVisibility
    groups: list[str]
    table_name: str | None
    version: int | None
    failure: str | None


class _ProductFields(Sent):
    release: Id | None = None
    official_product: bool = False
    pz_code: Annotated[str, Field(max_length=55)] | None = None
    description: Annotated[str, Field(max_length=200_000)] | None = None
    release_year: Annotated[int, Field(ge=1900, le=2200)] | None = None
    data_url: Annotated[str, Field(max_length=2000)] | None = None
    creators: Annotated[str, Field(max_length=5000)] | None = None
    article: Annotated[str, Field(max_length=500)] | None = None
    doi: Annotated[str, Field(max_length=500)] | None = None
    licence: Annotated[str, Field(max_length=500)] | None = None
    visibility: ProductVisibility = ProductVisibility.RELEASE
    groups: Annotated[tuple[GroupName, ...], Field(max_length=50)] = ()

    @field_validator("groups", mode="before")
    @classmethod
    def _text_is_list(cls, value: object) -> object:
        # A form has no other way to send several.
        if not isinstance(value, str):
            return value
        return [name.strip() for name in value.split(",") if name.strip()]

    @field_validator(
        "release", "pz_code", "description", "release_year", "data_url",
        "creators", "article", "doi", "licence",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        # A form has no other way to say null.
        return None if value == "" else value


class NewProduct(_ProductFields):
    """A product that is wanted; it begins as Registering."""

    display_name: Name
    product_type: Id
    status: int = 0


class ProductReplacement(_ProductFields):
    """Everything of a product that can be set."""

    display_name: Name
    product_type: Id
    status: int | None = None


class ProductChange(_ProductFields):
    """What is to be changed of a product; ``status=1`` publishes it."""

    display_name: Name | None = None
    product_type: Id | None = None
    status: int | None = None


class PendingProduct(Answer):
    """The product that the caller has begun and not published."""

    product: ProductAnswer | None


class AssociatedColumn(Answer):
    """A column of the main file; alias and ucd are null until they are associated."""

    column_name: str
    ucd: str | None
    alias: str | None
    unit: str | None
    description: str | None
    datatype: str | None


class MainFile(Answer):
    """The main file of a product; a product of metadata alone has nulls.

    Attributes
    ----------
    size
        In bytes.
    delimiter, has_header
        Of CSV, as the prepared download of the main file has it.
    """

    name: str | None
    type: str | None
    extension: str | None
    size: int | None
    n_rows: int | None
    is_directory: bool
    sha256: str | None
    associated_columns: list[AssociatedColumn]
    delimiter: str | None
    has_header: bool | None
    columns: list[str]


class ProductWithMainFile(ProductAnswer):
    """A product and its main file."""

    main_file: MainFile


class PreviewAnswer(Answer):
    """The first rows of the main file."""

    count: int
    columns: list[str]
    results: list[dict[str, Any]]


class ProcessConfig(Answer):
    """How a pipeline was configured that made a product; empty for uploads."""

    config: dict[str, Any] | None = None
    flag_translation: dict[str, Any] | None = None


class ColumnFacts(Answer):
    """What the values of a column are like."""

    column_name: str
    n_null: int | None
    minimum: float | int | str | None
    maximum: float | int | str | None
    mean: float | None
    n_distinct: int | None


class FactsAnswer(Answer):
    """What a table is like: rows, columns, redshifts, place on the sky.

    Attributes
    ----------
    histogram
        Of the redshifts: edges and counts.
    footprint
        Of the positions.
    coverage
        MOC in its ASCII form.
    """

    n_rows: int | None
    columns: list[ColumnFacts]
    histogram: dict[str, Any] | None
    footprint: dict[str, Any] | None
    coverage: str | None
    warnings: list[str]


class VersionAnswer(Answer):
    """A version of the data of a product."""

    version: int | None
    file_id: int
    name: str
    size: int
    sha256: str
    n_rows: int | None
    created: datetime
    current: bool
    download_url: str


class DownloadAnswer(Answer):
    """A download, which is always ready.

    Attributes
    ----------
    size, checksum
        In bytes, and SHA-256; where they are known beforehand.
    source_signature
        Changes with the content.
    """

    id: int
    task_id: str | None
    status: Literal["pending", "running", "ready", "failed"]
    filename: str
    size: int | None
    checksum: str | None
    source_signature: str
    created_at: datetime
    updated_at: datetime
    download_url: str
    error_message: str | None


class ContentAnswer(Answer):
    """A column of a product and what it was associated with."""

    id: int
    product: int
    column_name: str
    ucd: str | None
    order: int
    alias: str | None
    unit: str | None
    description: str | None
    frame: str | None
    null_values: list[str] | None
    suggestion: dict[str, Any] | None


class ContentChange(Sent):
    """What is to be changed of a column; empty text clears.

    Attributes
    ----------
    frame
        Frame of positions or scale of times: ICRS, FK4 B1950, galactic, TDB.
    null_values
        Values that mean that there is none, as texts: -99.
    """

    ucd: Annotated[str, Field(max_length=128)] | None = None
    alias: Annotated[str, Field(max_length=256)] | None = None
    unit: Annotated[str, Field(max_length=128)] | None = None
    description: Annotated[str, Field(max_length=4000)] | None = None
    frame: Annotated[str, Field(max_length=128)] | None = None
    null_values: (
        Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=32)] | None
    ) = None
