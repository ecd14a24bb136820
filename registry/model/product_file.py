"""The files of a product, and what its columns are said to mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from registry.model.product import ColumnStatistics

__all__ = ["FileMember", "FileRole", "ProductContent", "ProductFile", "file_extension"]

_DOUBLE_EXTENSIONS = (".tar.gz", ".tar.bz2", ".tar.xz")


class FileRole(IntEnum):
    """What a file is for; the numbers are those of the Photo-z Server's API."""

    MAIN = 0
    DESCRIPTION = 1
    AUXILIARY = 2

    @property
    def label(self) -> str:
        """Word of the API for people."""
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class FileMember:
    """One file inside a folder that counts as one file (a HATS catalogue).

    Attributes
    ----------
    path
        Relative to the folder, with slashes.
    size_bytes, sha256, crc32
        Of its contents.
    """

    path: str
    size_bytes: int
    sha256: str
    crc32: int


@dataclass(frozen=True, slots=True)
class ProductFile:
    """A file of a product.

    Attributes
    ----------
    id
        Number, unique for ever.
    product_id
        The product that it belongs to.
    role
        What it is for; a product has one main file in each version.
    name
        As its uploader called it, without any path.
    media_type
        As its uploader said, unchecked.
    size_bytes, sha256
        Of its contents; of a folder the sum, and the checksum of the list of checksums.
    crc32
        Of its contents; absent for folders, and for files of older releases until it is needed.
    stored
        Path below the product's archive folder, generated.
    is_directory
        Whether it is a folder, the one of a HATS catalogue.
    n_rows
        Of the table in it, once that was read.
    version
        Version of the product whose main file it is; absent before publication.
    registered
        When it was read, absent if it was not.
    reading
        How its table is found, by the names of `registry.formats.readers.ReadOptions`; empty
        where the file leaves no choice.
    created, updated
        UTC.
    """

    id: int
    product_id: int
    role: FileRole
    name: str
    size_bytes: int
    sha256: str
    stored: str
    created: datetime
    updated: datetime
    media_type: str | None = None
    crc32: int | None = None
    is_directory: bool = False
    n_rows: int | None = None
    version: int | None = None
    registered: datetime | None = None
    reading: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def extension(self) -> str:
        """Lower-case ending of the name with its dot, or nothing."""
        return "" if self.is_directory else file_extension(self.name)


@dataclass(frozen=True, slots=True)
class ProductContent:
    """A column of a main file and what it is said to mean.

    Attributes
    ----------
    id
        Number in the API; a file that is read again gets new ones.
    product_id, file_id
        Where the column is.
    position
        In the file, from 0.
    column_name
        As spelt in the file.
    file_type
        Arrow type in the file.
    ucd, alias, unit, description, utype
        What is said of it.
    frame
        What is stated of its frame or scale, as `registry.model.frame` writes it.
    null_values
        Values that mean that there is none.
    suggestion
        What it probably is: ``alias``, ``ucd``, ``unit`` and the ``reason``; never applied
        without the user.
    statistics
        Of the values.
    """

    id: int
    product_id: int
    file_id: int
    position: int
    column_name: str
    file_type: str
    ucd: str | None = None
    alias: str | None = None
    unit: str | None = None
    description: str | None = None
    utype: str | None = None
    frame: str | None = None
    null_values: list[str] | None = None
    suggestion: dict[str, str | None] | None = None
    statistics: ColumnStatistics | None = None


def file_extension(name: str) -> str:
    """Give the ending of a file name with its dot, in lower case; ``.tar.gz`` is one."""
    lower = name.lower()
    for ending in _DOUBLE_EXTENSIONS:
        if lower.endswith(ending):
            return ending
    stem, dot, ending = lower.rpartition(".")
    return f".{ending}" if dot and stem and len(ending) <= 9 else ""
