"""Products that pipelines make: reserved, published with their provenance, or failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from registry.access import AccessPolicy
from registry.errors import (
    AnnotationRejected,
    MandatoryColumnsMissing,
    ProductConflict,
    ProductNotFound,
    ProductRefused,
    UnreadableFile,
)
from registry.ingestion.publication import TablePublisher
from registry.model.annotation import Annotations
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus, ProductVisibility
from registry.model.product_file import FileRole, ProductContent, ProductFile
from registry.model.provenance import Provenance
from registry.products.access import ProductAccess
from registry.products.draft import checked_draft
from registry.products.files import keep_file
from registry.products.names import clean_file_name
from registry.products.records import ProductDraft, ProductStores
from registry.products.registration import Registrar
from registry.stores.files import ArchivedFile

__all__ = ["InputFile", "OutputFile", "OutputService"]

_UNFIT = (
    AnnotationRejected,
    MandatoryColumnsMissing,
    ProductRefused,
    UnreadableFile,
)
"""What no second try mends: the pipeline made something that is no such product."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a pipeline made.

    Attributes
    ----------
    path
        Where it is; it is copied. The main file may be a folder with a HATS catalogue.
    role
        What it is for.
    name
        What users call it; the name of the path by default.
    media_type
        Of its contents.
    """

    path: Path
    role: FileRole
    name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class InputFile:
    """The main file of a published product, for a pipeline.

    Attributes
    ----------
    product
        The product.
    path
        Where its main file is; it must not be changed.
    version, sha256
        Of the file.
    columns
        Names of the columns by the alias that they have.
    null_values
        Values that mean that there is none, by name of the column.
    words
        Unit, UCD, utype and description by name of the column, where they are known.
    """

    product: Product
    path: Path
    version: int
    sha256: str
    columns: dict[str, str]
    null_values: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, dict[str, str]] = field(default_factory=dict)


class OutputService:
    """Makes products of the outputs of pipelines; every step may be repeated for the same job.

    Parameters
    ----------
    stores
        Of the installation.
    publisher
        Loads tables; that of `PublishService`.
    policy
        Gives the rights of the moment.
    """

    def __init__(
        self,
        stores: ProductStores,
        publisher: TablePublisher,
        policy: Callable[[], AccessPolicy] = AccessPolicy,
    ) -> None:
        self._stores = stores
        self._access = ProductAccess(stores, policy)
        self._registrar = Registrar(stores, self._access, publisher)

    def reserve(
        self, principal: Principal, job_id: str, draft: ProductDraft, pipeline: str
    ) -> Product:
        """Begin the product of a job; it is Processing until `publish` or `fail`.

        Parameters
        ----------
        principal
            Who runs the pipeline, and owns the product.
        job_id
            Of the job; asked again, the same product is given.
        draft
            What is said of it.
        pipeline
            Name of the pipeline.

        Raises
        ------
        LoginRequired, NotAllowed
            If the caller may not make products, or not such a one.
        ProductRefused
            If a value breaks a rule of the product type.
        ReleaseNotFound
            If the release does not exist for the caller.
        """
        found = self.product_of(job_id)
        if found is not None:
            return found
        product = checked_draft(principal, draft, self._access.policy())
        made = replace(product, status=ProductStatus.PROCESSING, origin=pipeline, process=job_id)
        return self._stores.products.reserve(made)

    def product_of(self, job_id: str) -> Product | None:
        """Find the product of a job, in any state."""
        return self._stores.drafts.made_by(job_id)

    def publish(
        self,
        job_id: str,
        files: Sequence[OutputFile],
        annotations: Annotations,
        provenance: Provenance,
    ) -> Product:
        """Publish what a job made.

        Parameters
        ----------
        job_id
            Of a job with a reserved product.
        files
            What it made, one main file among them.
        annotations
            What the columns of the main file mean.
        provenance
            How it was made.

        Returns
        -------
        Product
            Published; also if it was before.

        Raises
        ------
        ProductNotFound
            If no product was reserved for the job, or it was deleted meanwhile.
        ProductConflict
            If the product has failed.
        AnnotationRejected, MandatoryColumnsMissing, ProductRefused, UnreadableFile
            If the files are no such product; it has failed now.
        StorageFull
            If the disk is full; it may be tried again.
        """
        product = self._processed(job_id)
        if product.status is ProductStatus.PUBLISHED:
            return product
        self._stores.provenance.save(product.id, provenance)
        self._narrow(product, provenance)
        try:
            self._add(product, files)
            self._registrar.register(product, annotations)
            self._registrar.publish(self._processed(job_id))
        except _UNFIT as error:
            self.fail(job_id, str(error))
            raise
        return self._stores.drafts.product(product.id)

    def fail(self, job_id: str, reason: str) -> Product | None:
        """Mark the product of a job as failed; one that is published is withdrawn.

        Parameters
        ----------
        job_id
            Of the job.
        reason
            For its owner.

        Returns
        -------
        Product or None
            The product, unless none was reserved.
        """
        product = self.product_of(job_id)
        if product is None or product.status is ProductStatus.DELETED:
            return product
        if product.status is not ProductStatus.FAILED:
            self._stores.products.withdraw(product.id, ProductStatus.FAILED, reason)
        return self._stores.drafts.product(product.id)

    def input(self, principal: Principal, key: int | str) -> InputFile:
        """Find the main file of a published product for a pipeline.

        Parameters
        ----------
        principal
            Who runs the pipeline.
        key
            Id or internal name.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        ProductRefused
            If it is not published, or holds no table.
        """
        product = self._access.seen(principal, key)
        file = self._access.main_file(product)
        if product.status is not ProductStatus.PUBLISHED or file is None:
            raise ProductRefused(
                "inputs", f"product {product.internal_name!r} is not published with its data"
            )
        contents = self._stores.contents.contents_of(file.id)
        if not contents:
            raise ProductRefused("inputs", f"product {product.internal_name!r} holds no table")
        return InputFile(
            product,
            self._stores.files.path(product.internal_name, file.stored),
            file.version or 0,
            file.sha256,
            {content.alias: content.column_name for content in contents if content.alias},
            {c.column_name: c.null_values for c in contents if c.null_values},
            {c.column_name: words for c in contents if (words := _words(c))},
        )

    def _processed(self, job_id: str) -> Product:
        product = self.product_of(job_id)
        if product is None or product.status is ProductStatus.DELETED:
            raise ProductNotFound(f"there is no product of the job {job_id!r}")
        if product.status not in (ProductStatus.PROCESSING, ProductStatus.PUBLISHED):
            raise ProductConflict(
                f"the product {product.internal_name!r} of this job is "
                f"{product.status.name.capitalize()}: {product.failure}"
            )
        return product

    def _narrow(self, product: Product, provenance: Provenance) -> None:
        """Let nobody see a product who may not see what it was made of; its owner may open it."""
        numbers = [each.product_id for each in provenance.inputs]
        sources = self._stores.drafts.products(numbers).values()
        visibility, groups = _narrowest([product, *sources])
        if (visibility, groups) == (product.visibility, product.groups):
            return
        values: dict[str, object] = {"visibility": visibility.value, "groups": groups}
        if visibility is ProductVisibility.OWNER:
            # An official product is for coordinators as well.
            values["official"] = False
        self._stores.drafts.update(product.id, values, (ProductStatus.PROCESSING,))

    def _add(self, product: Product, files: Sequence[OutputFile]) -> None:
        if sum(file.role is FileRole.MAIN for file in files) != 1:
            raise ProductRefused("file", "a pipeline has to make exactly one main file")
        for file in files:
            name = clean_file_name(file.name or file.path.name)
            present = self._stores.drafts.files_of(product.id)
            same = [
                other
                for other in present
                if (other.role is FileRole.MAIN) == (file.role is FileRole.MAIN)
                and (file.role is FileRole.MAIN or other.name == name)
            ]
            with self._stores.files.staging() as staging:
                adopted = staging.adopt(file.path, name)
                # A publication that broke off is done again with what is there already.
                if [_identity(other) for other in same] == [_identity(adopted)]:
                    continue
                keep_file(
                    self._stores,
                    product,
                    adopted,
                    file.role,
                    media_type=file.media_type,
                    states=(ProductStatus.PROCESSING,),
                    replaced=same[0] if same else None,
                )


def _narrowest(products: Sequence[Product]) -> tuple[ProductVisibility, frozenset[str]]:
    """Give the visibility by which a product is shown to those alone who may see all of some."""
    chosen = {product.visibility for product in products}
    if ProductVisibility.OWNER in chosen:
        return ProductVisibility.OWNER, frozenset()
    if ProductVisibility.GROUPS in chosen:
        named = [p.groups for p in products if p.visibility is ProductVisibility.GROUPS]
        shared = frozenset.intersection(*named)
        return (ProductVisibility.GROUPS if shared else ProductVisibility.OWNER), shared
    return max(chosen, key=list(ProductVisibility).index), frozenset()


def _identity(file: ProductFile | ArchivedFile) -> tuple[str, int, str]:
    return file.name, file.size_bytes, file.sha256


def _words(content: ProductContent) -> dict[str, str]:
    names = ("unit", "ucd", "utype", "description")
    return {name: value for name in names if (value := getattr(content, name))}
