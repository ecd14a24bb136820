"""Publishing: from a user's file to a table that can be queried, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from registry.errors import (
    AmbiguousProduct,
    AnnotationRejected,
    ProductNotFound,
    StorageFull,
    UnreadableFile,
)
from registry.formats.readers import DEFAULT_LIMITS, OpenedTable, ReadLimits, check_path
from registry.formats.readers.sandbox import SandboxedTable, open_table
from registry.ingestion.plan import PublishPlan, PublishRequest
from registry.ingestion.planner import make_plan
from registry.ingestion.rights import may_change, may_publish
from registry.ingestion.types import finish, simplify
from registry.model.principal import Principal
from registry.model.product import (
    Product,
    ProductStatus,
    ProductType,
    ProductVersion,
)
from registry.product_types import product_type_named
from registry.stores.files import ArchivedFile, FileStore, StagingFolder
from registry.stores.metadata.products import SqlProductStore
from registry.stores.sweep import Swept, sweep_staging
from registry.stores.table import StagedTable, TableStore

__all__ = ["Progress", "PublishService", "Published"]

Progress = Callable[[str, float | None], None]
"""Told what is being done, and the fraction that is done where it is known."""

_UNKNOWN = datetime.fromtimestamp(0, UTC)


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


@dataclass(frozen=True, slots=True)
class _Work:
    """One publication under way: its plan, its open file and where its data are staged."""

    plan: PublishPlan
    opened: OpenedTable
    copy: ArchivedFile
    folder: Path
    report: Progress


class PublishService:
    """Publishes, replaces and withdraws products.

    Parameters
    ----------
    products, files, tables
        The stores of the installation.
    limits
        What reading a file may cost.
    """

    def __init__(
        self,
        products: SqlProductStore,
        files: FileStore,
        tables: TableStore,
        limits: ReadLimits = DEFAULT_LIMITS,
    ) -> None:
        self._products = products
        self._files = files
        self._tables = tables
        self._limits = limits

    def plan(self, principal: Principal, file: Path, request: PublishRequest) -> PublishPlan:
        """Say what publishing a file would do; nothing of it is kept.

        Parameters
        ----------
        principal
            Who asks.
        file
            The user's file.
        request
            What is asked for.

        Raises
        ------
        NotAllowed
            If the caller may not publish.
        UnreadableFile, UnsupportedFile
            If the file is damaged or no table.
        AnnotationRejected
            If the product type does not exist.
        ProductNotFound, AmbiguousProduct
            If the product to be replaced cannot be told.
        """
        may_publish(principal, request)
        product_type = product_type_named(request.product_type)
        self._replaced(principal, request, product_type)
        check_path(file)
        with (
            self._files.staging() as staging,
            self._opened(file, request, staging) as opened,
        ):
            return make_plan(opened, request, product_type, opened.format)

    def publish(
        self,
        principal: Principal,
        file: Path,
        request: PublishRequest,
        progress: Progress | None = None,
    ) -> Published:
        """Publish a file: afterwards the product is there whole, or not at all.

        Parameters
        ----------
        principal
            Who publishes; the owner of a new product.
        file
            The user's file; a copy is taken first, so that it may change or go away.
        request
            What is asked for.
        progress
            Told about the steps.

        Raises
        ------
        NotAllowed
            If the caller may not publish, or not replace this product.
        UnreadableFile, UnsupportedFile
            If the file is damaged or no table.
        AnnotationRejected
            If the plan has problems; all of them are reported.
        ProductNotFound, AmbiguousProduct
            If the product to be replaced cannot be told.
        StorageFull
            If the disk is full; nothing is left behind.
        TableExists
            If somebody else replaced the same product at the same time.
        """
        report = progress or _silent
        may_publish(principal, request)
        product_type = product_type_named(request.product_type)
        existing = self._replaced(principal, request, product_type)
        check_path(file)
        with self._files.staging() as staging:
            copy = staging.copy(file, lambda done: report("copying", done))
            report("checking", None)
            with self._opened(copy.path, request, staging) as opened:
                plan = make_plan(
                    opened, request, product_type, opened.format, lambda f: report("checking", f)
                )
                if not plan.accepted:
                    raise AnnotationRejected(plan.problems)
                product = existing or self._reserve(principal, request, product_type, staging)
                try:
                    work = _Work(plan, opened, copy, staging.path, report)
                    return self._load(_redescribed(product, request), work)
                except BaseException:
                    if existing is None:
                        # On a full disk even this may fail: then the sweep does it.
                        with suppress(StorageFull):
                            self._products.abandon(product.id)
                    raise

    def withdraw(self, principal: Principal, internal_name: str) -> None:
        """Make a product and its table invisible; its data go when no query can use them.

        Parameters
        ----------
        principal
            The owner or an operator.
        internal_name
            Of the product.

        Raises
        ------
        ProductNotFound
            If there is no such product.
        NotAllowed
            If it is somebody else's.
        """
        product = self._products.product(internal_name)
        may_change(principal, product)
        self._products.withdraw(product.id)

    def products(
        self,
        principal: Principal,  # noqa: ARG002 - all published products are public
        product_type: str | None = None,
    ) -> list[Product]:
        """List the published products that the caller may see, by id.

        Parameters
        ----------
        principal
            Who asks.
        product_type
            Only products of this type.

        Raises
        ------
        AnnotationRejected
            If the product type does not exist.
        """
        published = self._products.published()
        if product_type is None:
            return published
        wanted = product_type_named(product_type)
        return [product for product in published if product.product_type == wanted.name]

    def sweep(self, retention: timedelta = timedelta(hours=24)) -> Swept:
        """Remove what crashed publications left, and data that no query can use any more.

        Parameters
        ----------
        retention
            How long tables of replaced and withdrawn products stay.
        """
        return sweep_staging(self._files, self._products, self._tables, retention)

    def _opened(
        self, file: Path, request: PublishRequest, staging: StagingFolder
    ) -> SandboxedTable:
        return open_table(
            file, request.read, scratch=staging.path / "unpacked", limits=self._limits
        )

    def _reserve(
        self,
        principal: Principal,
        request: PublishRequest,
        product_type: ProductType,
        staging: StagingFolder,
    ) -> Product:
        draft = Product(
            id=0,
            internal_name="",
            display_name=request.name.strip(),
            product_type=product_type.name,
            status=ProductStatus.REGISTERING,
            created=_UNKNOWN,
            updated=_UNKNOWN,
            owner=principal.user,
            official=request.official,
            release=request.release,
            description=request.description,
        )
        return self._products.reserve(draft, staging.name)

    def _load(self, product: Product, work: _Work) -> Published:
        plan = work.plan
        number = 1 if product.version is None else product.version.number + 1
        staged = self._tables.stage(
            f"t{product.id}_v{number}",
            [column.column for column in plan.published_columns],
            _loaded(work),
            work.folder,
            plan.position,
        )
        if staged.n_rows != plan.n_rows:
            raise UnreadableFile(
                f"{work.copy.name!r} gave {staged.n_rows} rows when it was loaded and "
                f"{plan.n_rows} when it was checked; try again"
            )
        work.report("publishing", None)
        self._switch(product, _version(number, staged, work), staged, work.copy)
        return Published(product.internal_name, product.table_name, staged.n_rows, number, plan)

    def _switch(
        self, product: Product, version: ProductVersion, staged: StagedTable, copy: ArchivedFile
    ) -> None:
        moved = False

        def move() -> None:
            nonlocal moved
            moved = True
            self._tables.publish(staged)
            self._files.publish(copy, product.internal_name, version.number)

        try:
            self._products.switch(product, version, move)
        except BaseException:
            # An interrupt may come after the commit: then the files belong to the product.
            if moved and not self._products.has_version(product.id, version.number):
                self._tables.drop(version.table_file)
                self._files.remove_version(product.internal_name, version.number)
            raise

    def _replaced(
        self, principal: Principal, request: PublishRequest, product_type: ProductType
    ) -> Product | None:
        if request.replace is False:
            return None
        if isinstance(request.replace, str):
            product = self._products.product(request.replace)
        else:
            product = self._only_namesake(principal, request.name.strip())
        may_change(principal, product)
        if product.product_type != product_type.name:
            problem = (
                f"product {product.internal_name!r} is of type {product.product_type!r}, not "
                f"{product_type.name!r}; a new version keeps the type"
            )
            raise AnnotationRejected([problem])
        return product

    def _only_namesake(self, principal: Principal, name: str) -> Product:
        own = [p for p in self._products.published(name) if p.owner == principal.user]
        if not own:
            raise ProductNotFound(
                f"there is no product of yours with the name {name!r} to replace; publish it "
                "without --replace"
            )
        if len(own) > 1:
            listed = ", ".join(product.internal_name for product in own)
            raise AmbiguousProduct(
                f"{len(own)} products have the name {name!r}: {listed}; say which one to "
                "replace by its internal name"
            )
        return own[0]


def _redescribed(product: Product, request: PublishRequest) -> Product:
    return replace(
        product,
        description=request.description or product.description,
        release=request.release or product.release,
    )


def _version(number: int, staged: StagedTable, work: _Work) -> ProductVersion:
    plan = work.plan
    return ProductVersion(
        number=number,
        file_name=work.copy.name,
        size_bytes=work.copy.size_bytes,
        sha256=work.copy.sha256,
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


def _loaded(work: _Work) -> Iterator[pa.RecordBatch]:
    plan = work.plan
    rows = 0
    kept = [(i, c.simple, c.column) for i, c in enumerate(plan.columns) if c.column is not None]
    names = [column.physical for _, _, column in kept]
    for batch in work.opened.batches():
        arrays = [
            finish(simplify(batch.column(index), simple), column.field.type)
            for index, simple, column in kept
        ]
        rows += batch.num_rows
        yield pa.RecordBatch.from_arrays(arrays, names=names)
        work.report("loading", rows / plan.n_rows)


def _silent(_step: str, _fraction: float | None) -> None:
    """Report to nobody."""
