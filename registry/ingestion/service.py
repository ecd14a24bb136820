"""Publishing: from a user's file to a table that can be queried, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.access import AccessPolicy
from registry.errors import AmbiguousProduct, AnnotationRejected, ProductNotFound, StorageFull
from registry.formats.readers import FileColumn, OpenedTable, check_path
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.processes import ReadingProcesses
from registry.ingestion.facts import ObservedTable, roles_of
from registry.ingestion.plan import Published, PublishPlan, PublishRequest
from registry.ingestion.planner import make_plan
from registry.ingestion.publication import Progress, TablePublisher, Work, facts_of
from registry.model.annotation import Annotations, ColumnAnnotation, find_role
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus, ProductType
from registry.product_types import product_type_named
from registry.stores.files import FileStore, StagingFolder
from registry.stores.metadata.products import SqlProductStore
from registry.stores.sweep import Swept, sweep_staging
from registry.stores.table import TableStore

__all__ = ["Progress", "PublishService", "Published"]

_UNBOUNDED = ReadingProcesses()

_UNKNOWN = datetime.fromtimestamp(0, UTC)


class PublishService:
    """Publishes, replaces and withdraws products.

    Parameters
    ----------
    products, files, tables
        The stores of the installation.
    reading
        Opens files.
    policy
        Gives the rights of the moment.

    Attributes
    ----------
    publisher
        Loads the tables.
    """

    def __init__(
        self,
        products: SqlProductStore,
        files: FileStore,
        tables: TableStore,
        reading: ReadingProcesses = _UNBOUNDED,
        policy: Callable[[], AccessPolicy] = AccessPolicy,
    ) -> None:
        self._products = products
        self._files = files
        self._tables = tables
        self._policy = policy
        self.publisher = TablePublisher(products, files, tables, reading)

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
        ReleaseNotFound
            If the release does not exist for the caller.
        ProductNotFound, AmbiguousProduct
            If the product to be replaced cannot be told.
        """
        self._policy().require_publish(principal, official=request.official)
        product_type = product_type_named(request.product_type)
        existing = self._replaced(principal, request, product_type)
        check_path(file)
        with (
            self._files.staging() as staging,
            self.publisher.open(file, staging, request.read) as opened,
        ):
            request = self._with_kept_nulls(request, existing, opened.columns)
            table = NulledTable(opened, _stated(request).nulls)
            return self._planned(principal, table, request, product_type, file_format=opened.format)

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
        ReleaseNotFound
            If the release does not exist for the caller.
        ProductNotFound, AmbiguousProduct
            If the product to be replaced cannot be told.
        StorageFull
            If the disk is full; nothing is left behind.
        TableExists
            If somebody else replaced the same product at the same time.
        """
        report = progress or _silent
        self._policy().require_publish(principal, official=request.official)
        product_type = product_type_named(request.product_type)
        existing = self._replaced(principal, request, product_type)
        check_path(file)
        with self._files.staging() as staging:
            copy = staging.copy(file, lambda done: report("copying", done))
            report("checking", None)
            with self.publisher.open(copy.path, staging, request.read) as opened:
                request = self._with_kept_nulls(request, existing, opened.columns)
                stated = _stated(request)
                table = NulledTable(opened, stated.nulls)
                observed = ObservedTable(table, roles_of(opened.columns, stated))
                plan = self._planned(
                    principal,
                    observed,
                    request,
                    product_type,
                    file_format=opened.format,
                    progress=lambda f: report("checking", f),
                )
                if not plan.accepted:
                    raise AnnotationRejected(plan.problems, assignments=plan.missing_assignments)
                product = existing or self._reserve(principal, request, product_type, staging)
                try:
                    facts = facts_of(observed, opened, plan)
                    work = Work(
                        plan, opened, staging, report, copy=copy, facts=facts, reading=request.read
                    )
                    return self.publisher.publish(_redescribed(product, request), work)
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
        self._policy().require_delete(principal, product)
        self._products.withdraw(product.id)

    def products(
        self,
        principal: Principal,
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
        policy = self._policy()
        published = [p for p in self._products.published() if policy.may_see(principal, p)]
        if product_type is None:
            return published
        wanted = product_type_named(product_type)
        return [product for product in published if product.product_type == wanted.name]

    def sweep(self, retention: timedelta = timedelta(hours=24), quarantine_days: int = 30) -> Swept:
        """Remove what was deleted and what crashed publications left; set unknown files aside.

        Parameters
        ----------
        retention
            How long tables of replaced and withdrawn products stay.
        quarantine_days
            How long files without a record are kept.
        """
        return sweep_staging(
            self._files,
            self._products,
            self._tables,
            retention,
            quarantine_days=quarantine_days,
        )

    def _planned(
        self,
        principal: Principal,
        opened: OpenedTable,
        request: PublishRequest,
        product_type: ProductType,
        *,
        file_format: str,
        progress: Callable[[float | None], None] | None = None,
    ) -> PublishPlan:
        plan = make_plan(opened, request, product_type, file_format, progress)
        if plan.accepted and request.release is not None:
            self._policy().require_use_release(principal, request.release)
        return plan

    def _with_kept_nulls(
        self, request: PublishRequest, existing: Product | None, columns: Sequence[FileColumn]
    ) -> PublishRequest:
        """Let values that stood for none in the version before do so again."""
        if existing is None:
            return request
        stated = request.annotations or Annotations()
        names = {column.name for column in columns} - stated.nulls.keys()
        before = self._products.null_values(existing)
        kept = {name: values for name, values in before.items() if name in names}
        return replace(request, annotations=stated.with_nulls(kept))

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
            visibility=request.visibility,
            groups=request.groups,
        )
        self._policy().require_visibility(principal, draft)
        return self._products.reserve(draft, staging.name)

    def _replaced(
        self, principal: Principal, request: PublishRequest, product_type: ProductType
    ) -> Product | None:
        if request.replace is False:
            return None
        if isinstance(request.replace, str):
            product = self._products.product(request.replace)
        else:
            product = self._only_namesake(principal, request.name.strip())
        self._policy().require_edit(principal, product)
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
                "as a new one"
            )
        if len(own) > 1:
            listed = ", ".join(product.internal_name for product in own)
            raise AmbiguousProduct(
                f"{len(own)} products have the name {name!r}: {listed}; say which one to "
                "replace by its internal name"
            )
        return own[0]


def _stated(request: PublishRequest) -> Annotations:
    """Give the annotations with the assignments of the command line among them."""
    annotations = request.annotations or Annotations()
    columns = dict(annotations.columns)
    for name, meaning in request.columns:
        if find_role(meaning) is not None:
            columns[name] = replace(columns.get(name, ColumnAnnotation()), alias=meaning)
    return replace(annotations, columns=columns)


def _redescribed(product: Product, request: PublishRequest) -> Product:
    return replace(
        product,
        description=request.description or product.description,
        release=request.release or product.release,
    )


def _silent(_step: str, _fraction: float | None) -> None:
    """Report to nobody."""
