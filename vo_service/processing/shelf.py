"""The products of the installation, as pipelines take and make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import Protocol

from pipelines.errors import InputsRejected
from pipelines.shelf import MadeFile, MadeProduct, OutputDraft, ShelfCatalogue, ShelfProduct
from registry.annotation.annotation_file import load_annotations
from registry.errors import ProductNotFound, ProductRefused, ReleaseNotFound
from registry.model.principal import OPERATOR, Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole
from registry.model.provenance import Provenance
from registry.model.release import Release
from registry.products.outputs import OutputFile, OutputService
from registry.products.records import ProductDraft
from registry.stores.metadata.selection import ProductFilter, Selection

__all__ = ["ProductList", "RegistryShelf", "ReleaseList"]


_PROCESSING = ProductFilter(exact={"status": int(ProductStatus.PROCESSING)})


class ProductList(Protocol):
    """Finds products; the product service does."""

    def select(self, principal: Principal, wanted: ProductFilter) -> Selection:
        """Find products that a caller may see."""


class ReleaseList(Protocol):
    """Finds releases; the release service does."""

    def release(self, principal: Principal, which: str | int) -> Release:
        """Find a release that a caller may see."""


class RegistryShelf:
    """Products of the registry for pipelines; see `ProductShelf`.

    Parameters
    ----------
    outputs
        Makes products of jobs.
    products
        Lists products.
    principal
        The rights that the owner of a job has now.
    api_url
        Base of the addresses of products, without trailing slash.
    releases
        Finds releases.
    """

    def __init__(
        self,
        outputs: OutputService,
        products: ProductList,
        principal: Callable[[str], Principal],
        api_url: str,
        releases: ReleaseList,
    ) -> None:
        self._releases = releases
        self._outputs = outputs
        self._products = products
        self._principal = principal
        self._api_url = api_url

    def take(self, owner: str, reference: str) -> ShelfProduct:
        """Find an input; see `ProductShelf.take`."""
        key = int(reference) if reference.isascii() and reference.isdigit() else reference
        try:
            found = self._outputs.input(self._principal(owner), key)
        except (ProductNotFound, ProductRefused) as error:
            raise InputsRejected([f"input {reference[:255]!r}: {error}"]) from error
        product = found.product
        return ShelfProduct(
            product.id,
            product.internal_name,
            product.display_name,
            product.product_type,
            found.version,
            found.path,
            found.sha256,
            found.columns,
            found.null_values,
            found.words,
        )

    def catalogue(self, owner: str, release: str, name: str | None) -> ShelfCatalogue:
        """Find an object catalogue of a release; see `ProductShelf.catalogue`."""
        try:
            found = self._releases.release(self._principal(owner), release)
        except ReleaseNotFound as error:
            raise InputsRejected([f"release {release[:255]!r}: {error}"]) from error
        names = ", ".join(each.name for each in found.catalogs)
        for each in found.catalogs:
            if name in (None, each.name):
                return ShelfCatalogue(found.name, each)
        if not names:
            raise InputsRejected(
                [f"the release {found.name!r} has no object catalogue: take another release"]
            )
        raise InputsRejected([f"catalog: {found.name!r} has no {name!r}; it has {names}"])

    def reserve(self, job_id: str, owner: str, draft: OutputDraft) -> MadeProduct:
        """Make the product of a job; see `ProductShelf.reserve`."""
        wanted = ProductDraft(
            display_name=draft.name,
            product_type=draft.product_type,
            release=draft.release,
            official=draft.official,
            pz_code=draft.pz_code,
            description=draft.description,
        )
        return self._made(
            self._outputs.reserve(self._principal(owner), job_id, wanted, draft.pipeline)
        )

    def publish(
        self, job_id: str, files: Sequence[MadeFile], annotations: Path, provenance: Provenance
    ) -> MadeProduct:
        """Give the product of a job its data; see `ProductShelf.publish`."""
        made = [
            OutputFile(
                file.path,
                FileRole.MAIN if file.main else FileRole.AUXILIARY,
                file.path.name,
                guess_type(file.path.name)[0] or "application/octet-stream",
            )
            for file in files
        ]
        stated = load_annotations(annotations)
        return self._made(self._outputs.publish(job_id, made, stated, provenance))

    def fail(self, job_id: str, reason: str) -> None:
        """Say why the product of a job came to nothing; see `ProductShelf.fail`."""
        self._outputs.fail(job_id, reason)

    def product(self, job_id: str) -> MadeProduct | None:
        """Find the product of a job."""
        found = self._outputs.product_of(job_id)
        return None if found is None else self._made(found)

    def unfinished(self) -> Sequence[str]:
        """List the jobs whose products are being processed."""
        return [
            product.process
            for product in self._products.select(OPERATOR, _PROCESSING).products
            if product.process is not None
        ]

    def _made(self, product: Product) -> MadeProduct:
        return MadeProduct(
            product.id,
            product.internal_name,
            f"{self._api_url}/products/{product.id}/",
            product.status is ProductStatus.PUBLISHED,
            product.table_name,
            None if product.version is None else product.version.n_rows,
        )
