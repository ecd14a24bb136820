"""Documents about the files of products, and forms by which they come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator

from registry.formats.readers import ReadOptions
from vo_service.api.models.base import Answer, Sent
from vo_service.api.models.products import Id

__all__ = ["FileAnswer", "FileForm", "FileFormFields", "TableChoice", "VersionForm"]


class TableChoice(Sent):
    """Which table of a file is meant, where it holds several or does not tell its layout.

    Attributes
    ----------
    hdu
        Number (the primary HDU is 0) or name of an HDU of a FITS file; number (from 1), name or
        ID of a table of a VOTable.
    group
        Path of a group or dataset of an HDF5 file.
    delimiter
        Of a text file: one character, or ``comma``, ``tab``, ``bar``, ``semicolon``, ``space``.
    """

    hdu: Annotated[str, Field(max_length=255)] | None = None
    group: Annotated[str, Field(max_length=1024)] | None = None
    delimiter: Annotated[str, Field(max_length=16)] | None = None

    @field_validator("hdu", mode="before")
    @classmethod
    def _number_is_text(cls, value: object) -> object:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_number else value

    @property
    def reading(self) -> ReadOptions:
        """What was said, empty fields left out."""
        return ReadOptions(self.hdu or None, self.group or None, self.delimiter or None)


class FileFormFields(TableChoice):
    """What is said of a file that is uploaded.

    Attributes
    ----------
    role
        0 Main, 1 Description, 2 Auxiliary.
    hdu, group, delimiter
        Which table of a main file is meant, where that is not plain.
    """

    product: Id
    role: Annotated[int, Field(ge=0, le=2)] = 0
    type: Annotated[str, Field(max_length=128)] | None = None


class VersionForm(TableChoice):
    """A new main file: form fields, and the file itself behind them."""

    type: Annotated[str, Field(max_length=128)] | None = None
    file: Annotated[str, Field(json_schema_extra={"contentMediaType": "application/octet-stream"})]


class FileForm(FileFormFields):
    """A file of a product: form fields, and the file itself behind them."""

    file: Annotated[str, Field(json_schema_extra={"contentMediaType": "application/octet-stream"})]


class FileAnswer(Answer):
    """A file of a product."""

    id: int
    product: int
    file: str
    can_delete: bool
    role_name: str
    role: int
    name: str
    type: str | None
    n_rows: int | None
    size: int
    extension: str
    is_directory: bool
    sha256: str
    version: int | None
    created: datetime
    updated: datetime
