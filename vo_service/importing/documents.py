"""Documents of a Photo-z Server, as far as they are used; nothing more is taken for granted."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "SourceColumn",
    "SourceDownload",
    "SourceFile",
    "SourceProduct",
    "SourceRelease",
    "SourceType",
]

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]
Optional = Annotated[str | None, BeforeValidator(lambda value: None if value == "" else value)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class SourceType(_Document):
    """A product type of the server."""

    id: int
    name: str
    display_name: Text = ""


class SourceRelease(_Document):
    """A data release of the server; its groups are numbers or names."""

    id: int
    name: str
    display_name: Text = ""
    description: Text = ""
    indexing_column: Text = ""
    has_mag_hats: bool = False
    has_flux_hats: bool = True
    dereddening: list[dict[str, Any]] | None = None
    fluxes: list[dict[str, Any]] | None = None
    is_public: bool = False
    access_groups: list[int | str] = Field(default_factory=list)


class SourceProduct(_Document):
    """A product of the server."""

    id: int
    product_type: int
    display_name: str
    internal_name: Text = ""
    product_type_internal_name: Text = ""
    release: int | None = None
    uploaded_by: Optional = None
    official_product: bool = False
    pz_code: Optional = None
    description: Optional = None
    status: int = 1
    release_year: int | None = None
    data_url: Optional = None
    updated_at: Text = ""


class SourceColumn(_Document):
    """A column of the main file of a product, and what it is said to mean."""

    column_name: str
    ucd: Optional = None
    alias: Optional = None
    unit: Optional = None
    description: Optional = None


class SourceFile(_Document):
    """A file of a product; `file` is the address of its contents."""

    id: int
    role: int
    name: Text = ""
    type: Optional = None
    size: int | None = None
    is_directory: bool = False
    file: Text = ""


class SourceDownload(_Document):
    """A download that the server prepares."""

    status: str
    filename: Text = ""
    size: int | None = None
    checksum: Text = ""
    download_url: Text = ""
    error_message: Text = ""
