"""What pipelines need of the products of an installation; the service brings it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.model.object_catalogue import ObjectCatalogue
from registry.model.provenance import Provenance

__all__ = [
    "MadeFile",
    "MadeProduct",
    "OutputDraft",
    "ProductShelf",
    "ShelfCatalogue",
    "ShelfProduct",
]


@dataclass(frozen=True, slots=True)
class ShelfProduct:
    """A product that a run takes as input.

    Attributes
    ----------
    id, internal_name, display_name, product_type
        Of the product.
    version
        Number of the version whose file this is.
    file
        The main file, byte by byte as it was uploaded, or a HATS folder; only to be read.
    sha256
        Of the file.
    columns
        Alias to column of the file.
    null_values
        Values that mean that there is none, by column of the file.
    words
        ``unit``, ``ucd``, ``utype`` and ``description`` of columns, where they are known.
    """

    id: int
    internal_name: str
    display_name: str
    product_type: str
    version: int
    file: Path
    sha256: str
    columns: Mapping[str, str]
    null_values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShelfCatalogue:
    """An object catalogue of a release, which a run reads where it is.

    Attributes
    ----------
    release
        Name of the release.
    catalogue
        As the release names it.
    """

    release: str
    catalogue: ObjectCatalogue


@dataclass(frozen=True, slots=True)
class OutputDraft:
    """The product that a job is to make, as far as it is known before the run."""

    name: str
    product_type: str
    pipeline: str
    description: str | None = None
    release: str | None = None
    pz_code: str | None = None
    official: bool = False


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that a run made: the table, or something beside it."""

    path: Path
    main: bool


@dataclass(frozen=True, slots=True)
class MadeProduct:
    """A product on the shelf, made or to be made by a job.

    Attributes
    ----------
    id, internal_name
        Of the product.
    url
        Where people and clients find it.
    published
        Whether it can be seen by others.
    table
        Name under which it can be queried, once it is published.
    n_rows
        Rows of that table.
    """

    id: int
    internal_name: str
    url: str
    published: bool
    table: str | None = None
    n_rows: int | None = None


class ProductShelf(Protocol):
    """Products as runs take and make them; everything by job is idempotent.

    Methods may raise errors of the registry, whose messages are for the owner of the job.
    """

    def take(self, owner: str, reference: str) -> ShelfProduct:
        """Find an input that the owner may see now.

        Parameters
        ----------
        owner
            Who runs.
        reference
            Id or internal name.

        Raises
        ------
        InputsRejected
            If there is none, or it is hidden (same answer), or cannot be an input.
        """

    def catalogue(self, owner: str, release: str, name: str | None) -> ShelfCatalogue:
        """Find an object catalogue of a release that the owner may see now.

        Parameters
        ----------
        owner
            Who runs.
        release
            Name of the release.
        name
            Of the catalogue; its first one if none.

        Raises
        ------
        InputsRejected
            If there is none, or the release is hidden (same answer).
        """

    def reserve(self, job_id: str, owner: str, draft: OutputDraft) -> MadeProduct:
        """Make the product of a job, without data: it is being processed."""

    def publish(
        self,
        job_id: str,
        files: Sequence[MadeFile],
        annotations: Path,
        provenance: Provenance,
    ) -> MadeProduct:
        """Give the product of a job its data, whole or not at all.

        Notes
        -----
        A product that is published already stays as it is.
        """

    def fail(self, job_id: str, reason: str) -> None:
        """Say why the product of a job came to nothing; one that is published disappears."""

    def product(self, job_id: str) -> MadeProduct | None:
        """Find the product of a job."""

    def unfinished(self) -> Sequence[str]:
        """List the jobs whose products are being processed."""
