"""From an open file and its plan to a published version: the one path that all uploads take."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from registry.errors import UnreadableFile
from registry.formats.readers import DEFAULT_OPTIONS, ReadOptions
from registry.formats.readers.base import OpenedTable
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.processes import ReadingProcesses
from registry.formats.readers.sandbox import SandboxedTable
from registry.ingestion.facts import ObservedTable
from registry.ingestion.plan import PlannedColumn, Published, PublishPlan
from registry.ingestion.types import finish, simplify
from registry.model.product import Product, ProductVersion
from registry.model.product_file import FileRole, ProductContent, ProductFile
from registry.stores.files import ArchivedFile, FileStore, StagingFolder
from registry.stores.metadata.main_file import MainFile
from registry.stores.metadata.products import SqlProductStore
from registry.stores.table import StagedTable, TableStore

__all__ = ["Progress", "TablePublisher", "Work", "contents_of", "facts_of"]

Progress = Callable[[str, float | None], None]
"""Told what is being done, and the fraction that is done where it is known."""


_UNBOUNDED = ReadingProcesses()


@dataclass(frozen=True, slots=True)
class Work:
    """One publication under way.

    Attributes
    ----------
    plan
        What becomes of each column.
    opened
        The file.
    staging
        Where the table is made.
    report
        Told about the steps.
    copy
        The user's file, staged; absent for a file that is in the archive already.
    kept
        The file in the archive; absent for one that is staged.
    facts
        What was found in it.
    reading
        How its table was found.
    """

    plan: PublishPlan
    opened: OpenedTable
    staging: StagingFolder
    report: Progress
    copy: ArchivedFile | None = None
    kept: ProductFile | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    reading: ReadOptions = DEFAULT_OPTIONS

    @property
    def file(self) -> ArchivedFile | ProductFile:
        """The file, wherever it is."""
        if self.kept is not None:
            return self.kept
        if self.copy is None:
            raise ValueError("a publication needs a staged or a kept file")
        return self.copy


class TablePublisher:
    """Loads tables and makes them visible.

    Parameters
    ----------
    products, files, tables
        The stores of the installation.
    reading
        Opens files.
    """

    def __init__(
        self,
        products: SqlProductStore,
        files: FileStore,
        tables: TableStore,
        reading: ReadingProcesses = _UNBOUNDED,
    ) -> None:
        self._products = products
        self._files = files
        self._tables = tables
        self.reading = reading

    def open(
        self, file: Path, staging: StagingFolder, options: ReadOptions = DEFAULT_OPTIONS
    ) -> SandboxedTable:
        """Open a file in a confined process.

        Parameters
        ----------
        file
            The file or folder.
        staging
            Where packed files are unpacked.
        options
            Which table of the file.

        Raises
        ------
        UnreadableFile, UnsupportedFile
            If the file is damaged or no table.
        StorageFull
            If there is no room to unpack it.
        ShareExceeded, HostBusy
            If too many files are read.
        ReadingGivenUp
            If who waited for it went away.
        """
        return self.reading.open(file, options, staging.path / "unpacked")

    def publish(self, product: Product, work: Work) -> Published:
        """Load the table and switch the product to it, in one commit.

        Parameters
        ----------
        product
            Reserved, or published with an older version; its description replaces the stored.
        work
            With a plan that was accepted.

        Raises
        ------
        UnreadableFile
            If the file changed since it was checked.
        StorageFull
            If the disk is full; nothing is left behind.
        TableExists, ProductNotFound, ProductConflict
            If somebody else replaced or withdrew the product at the same time.
        """
        plan = work.plan
        number = 1 + (product.edition or 0)
        staged = self.stage(product, number, work)
        work.report("publishing", None)
        self._switch(product, _version(number, staged, work), staged, work)
        return Published(product.internal_name, product.table_name, staged.n_rows, number, plan)

    def stage(self, product: Product, number: int, work: Work) -> StagedTable:
        """Load a table aside, under a name that was never given before.

        Parameters
        ----------
        product, number
            Whose table of which version it is.
        work
            With a plan that was accepted.

        Raises
        ------
        UnreadableFile
            If the file changed since it was checked.
        StorageFull
            If the disk is full; nothing is left behind.
        """
        plan = work.plan
        staged = self._tables.stage(
            f"t{product.id}_v{number}_{secrets.token_hex(6)}",
            [column.column for column in plan.published_columns],
            _loaded(work),
            work.staging.path,
            plan.position,
        )
        if staged.n_rows != plan.n_rows:
            raise UnreadableFile(
                f"{work.file.name!r} gave {staged.n_rows} rows when it was loaded and "
                f"{plan.n_rows} when it was checked; try again"
            )
        return staged

    def publish_plain(
        self, product: Product, kept: ProductFile | None, reason: str | None = None
    ) -> None:
        """Publish a product without a table.

        Parameters
        ----------
        product
            Reserved, or published with an older version.
        kept
            Its main file, in the archive already; absent for a product of metadata alone.
        reason
            Why the main file could not become a table.

        Raises
        ------
        TableExists, ProductNotFound, ProductConflict
            If somebody else replaced or withdrew the product at the same time.
        """
        main = None
        if kept is not None:
            main = MainFile(_numbered(kept, 1 + (product.edition or 0), kept.n_rows))
        self._products.switch(product, None, _nothing, main, reason)

    def _switch(
        self, product: Product, version: ProductVersion, staged: StagedTable, work: Work
    ) -> None:
        moved = False
        main = _main(product, version, work, self._files)

        def move() -> None:
            nonlocal moved
            self._tables.publish(staged)
            moved = True
            if work.copy is not None:
                self._files.publish(work.copy, product.internal_name, main.file.stored)

        try:
            with self._files.placing():
                self._products.switch(product, version, move, main)
        except BaseException:
            # An interrupt may come after the commit: then the files belong to the product.
            if moved and not self._products.has_table(version.table_file):
                self._tables.drop(version.table_file)
                if work.copy is not None:
                    place = self._files.place_of(main.file.stored)
                    self._files.remove_place(product.internal_name, place)
            raise


def contents_of(plan: PublishPlan, product_id: int, file_id: int) -> list[ProductContent]:
    """Say of the columns what a plan found of them.

    Parameters
    ----------
    plan
        Of the publication.
    product_id, file_id
        Where the columns are.
    """
    return [
        _content(column, position, product_id, file_id)
        for position, column in enumerate(plan.columns)
    ]


def facts_of(observed: ObservedTable, opened: SandboxedTable, plan: PublishPlan) -> dict[str, Any]:
    """Put together what is kept of a file that was read, in the types of JSON."""
    return {
        **observed.facts(),
        "format": plan.format,
        "n_rows": plan.n_rows,
        "layout": opened.layout,
        "warnings": list(plan.warnings),
    }


def _content(column: PlannedColumn, position: int, product_id: int, file_id: int) -> ProductContent:
    guess = column.suggestion
    said = column.field
    return ProductContent(
        id=0,
        product_id=product_id,
        file_id=file_id,
        position=position,
        column_name=column.file_name,
        file_type=column.file_type,
        ucd=None if said is None else said.ucd,
        alias=column.alias,
        unit=None if said is None else said.unit,
        description=None if said is None else said.description,
        utype=None if said is None else said.utype,
        frame=column.frame,
        null_values=list(column.null) or None,
        suggestion=None
        if guess is None
        else {
            "alias": guess.alias,
            "ucd": guess.ucd,
            "unit": guess.unit,
            "reason": guess.reason,
        },
        statistics=column.statistics,
    )


def _main(product: Product, version: ProductVersion, work: Work, files: FileStore) -> MainFile:
    number, copy = version.number, work.copy
    if work.kept is not None:
        return MainFile(_numbered(work.kept, number, version.n_rows), facts=work.facts or None)
    if copy is None:
        raise ValueError("a publication needs a staged or a kept file")
    file = ProductFile(
        id=0,
        product_id=product.id,
        role=FileRole.MAIN,
        name=copy.name,
        size_bytes=copy.size_bytes,
        sha256=copy.sha256,
        crc32=copy.crc32,
        is_directory=copy.is_directory,
        n_rows=version.n_rows,
        version=number,
        stored=files.version_place(number, copy.name),
        reading=work.reading.chosen,
        created=version.created,
        updated=version.created,
    )
    contents = contents_of(work.plan, product.id, 0)
    return MainFile(file, copy.members, contents, work.facts or None)


def _numbered(file: ProductFile, number: int, n_rows: int | None) -> ProductFile:
    return replace(file, version=number, n_rows=n_rows)


def _version(number: int, staged: StagedTable, work: Work) -> ProductVersion:
    plan = work.plan
    return ProductVersion(
        number=number,
        file_name=work.file.name,
        size_bytes=work.file.size_bytes,
        sha256=work.file.sha256,
        n_rows=staged.n_rows,
        relation=staged.storage.relation,
        table_file=staged.path.name,
        created=datetime.now(UTC),
        columns=plan.published_columns,
        ra=plan.position.ra if plan.position is not None else None,
        dec=plan.position.dec if plan.position is not None else None,
        coverage=plan.coverage,
        description=plan.description,
    )


def _loaded(work: Work) -> Iterator[pa.RecordBatch]:
    plan = work.plan
    rows = 0
    kept = [(i, c.simple, c.column) for i, c in enumerate(plan.columns) if c.column is not None]
    names = [column.physical for _, _, column in kept]
    nulls = {column.file_name: column.null for column in plan.columns if column.null}
    for batch in NulledTable(work.opened, nulls).batches():
        arrays = [
            finish(simplify(batch.column(index), simple), column.field.type)
            for index, simple, column in kept
        ]
        rows += batch.num_rows
        yield pa.RecordBatch.from_arrays(arrays, names=names)
        work.report("loading", rows / plan.n_rows)


def _nothing() -> None:
    """Move no file."""
