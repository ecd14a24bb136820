"""Products and their lives: drafted, registered, published, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from registry.access import AccessPolicy
from registry.errors import NotAllowed, ProductConflict, ProductFileNotFound, ProductRefused
from registry.formats.readers import DEFAULT_OPTIONS, ReadOptions
from registry.ingestion.publication import TablePublisher
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus, ProductVisibility
from registry.model.product_file import FileRole, ProductFile
from registry.model.provenance import Provenance
from registry.product_types import product_type_named, product_types
from registry.products.access import ProductAccess
from registry.products.contents import ProductContents
from registry.products.downloads import ProductDownloads
from registry.products.draft import EDITABLE, checked_draft, checked_product
from registry.products.files import ProductFiles
from registry.products.overview import ProductOverview
from registry.products.plain_tables import plain_format
from registry.products.records import (
    MainFileInfo,
    Preview,
    ProductDraft,
    ProductLimits,
    ProductStores,
    TableFacts,
)
from registry.products.registration import Registrar
from registry.stores.metadata.selection import ProductFilter, Selection

__all__ = ["ProductService"]

_EXISTING = tuple(status for status in ProductStatus if status is not ProductStatus.DELETED)

_DEFAULT_LIMITS = ProductLimits()

_ALL = ProductFilter()

_SHOWN_BY = ("visibility", "groups", "official")
"""What says who may see a product, beside its release."""


class ProductService:
    """What people do with products.

    Parameters
    ----------
    stores
        Of the installation.
    publisher
        Loads tables; that of `PublishService`.
    policy
        Gives the rights of the moment.
    limits
        What people may put into the service.

    Attributes
    ----------
    files, contents, downloads, overview
        What people do with the files, the columns, the data, and the whole list of products.
    """

    def __init__(
        self,
        stores: ProductStores,
        publisher: TablePublisher,
        policy: Callable[[], AccessPolicy] = AccessPolicy,
        limits: ProductLimits = _DEFAULT_LIMITS,
    ) -> None:
        self._stores = stores
        self._access = ProductAccess(stores, policy)
        self._registrar = Registrar(stores, self._access, publisher)
        self.files = ProductFiles(stores, self._access, limits)
        self.contents = ProductContents(stores, self._access)
        self.overview = ProductOverview(stores, self._access)
        self.downloads = ProductDownloads(stores, self._access, publisher.reading, limits)

    def select(self, principal: Principal, wanted: ProductFilter = _ALL) -> Selection:
        """Find products that the caller may see; deleted ones only for operators who ask.

        Parameters
        ----------
        principal
            Who asks.
        wanted
            Which, and in which order.

        Raises
        ------
        ValueError
            If the filter names a field that does not exist.
        """
        types = {known.name: known.display_name for known in product_types()}
        return self._stores.selection.select(self._access.visibility(principal), wanted, types)

    def products(self, principal: Principal) -> list[Product]:
        """List all products that the caller may see, the newest first."""
        return self.select(principal).products

    def product(self, principal: Principal, key: int | str) -> Product:
        """Find a product by its id or internal name.

        Raises
        ------
        ProductNotFound
            If there is none, or it is hidden from the caller.
        """
        return self._access.seen(principal, key)

    def edited(self, principal: Principal, key: int | str) -> Product:
        """Find a product that the caller may change; raises as `delete`."""
        return self._access.edited(principal, key)

    def pending(self, principal: Principal) -> Product | None:
        """Find the first of the caller's own products that waits for publication."""
        begun = reversed(self.overview.drafts(principal))
        return next((each for each in begun if each.status is ProductStatus.REGISTERING), None)

    def create(self, principal: Principal, draft: ProductDraft) -> Product:
        """Begin a product; it is Registering until it is published.

        Parameters
        ----------
        principal
            Who makes it, and owns it from now on.
        draft
            What is said of it.

        Raises
        ------
        LoginRequired, NotAllowed
            If the caller may not make products, or not such a one.
        ProductRefused
            If a value breaks a rule of the product type.
        ReleaseNotFound
            If the release does not exist for the caller.
        """
        product = checked_draft(principal, draft, self._access.policy())
        return self._stores.products.reserve(product)

    def update(
        self, principal: Principal, key: int | str, changes: Mapping[str, object]
    ) -> Product:
        """Change what is said of a product; its internal name and its table's stay.

        Parameters
        ----------
        principal
            Who may change it.
        key
            Id or internal name.
        changes
            Any of ``display_name``, ``description``, ``release``, ``pz_code``, ``official``,
            ``release_year``, ``data_url``, ``creators``, ``article``, ``doi``, ``licence``,
            ``visibility``, ``groups``; groups go with the visibility that they were named for.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not.
        ProductRefused
            If a value cannot be changed, or breaks a rule of the product type.
        ReleaseNotFound
            If the release does not exist for the caller.
        ProductConflict
            If the product was deleted meanwhile.
        """
        product = self._access.edited(principal, key)
        unknown = [name for name in changes if name not in EDITABLE]
        if unknown:
            raise ProductRefused(
                unknown[0], f"{unknown[0]!r} cannot be changed; give {', '.join(EDITABLE)}"
            )
        values: dict[str, Any] = dict(changes)
        if values.get("visibility", ProductVisibility.GROUPS) != ProductVisibility.GROUPS:
            values.setdefault("groups", frozenset())
        changed = checked_product(
            replace(product, **values), product_type_named(product.product_type)
        )
        policy = self._access.policy()
        if changed.official != product.official:
            policy.require_publish_official(principal)
        if changed.release is not None and changed.release != product.release:
            policy.require_use_release(principal, changed.release)
        if not values.keys().isdisjoint(_SHOWN_BY):
            policy.require_visibility(principal, changed, product.groups)
        saved = {name: getattr(changed, name) for name in values}
        self._stores.drafts.update(product.id, saved, _EXISTING)
        return self._stores.drafts.product(product.id)

    def give(self, principal: Principal, key: int | str, owner: str) -> Product:
        """Give a product to another account, which may do all that the present owner may.

        Parameters
        ----------
        principal
            An operator.
        key
            Id or internal name.
        owner
            Name of an account that there is.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not.
        ProductConflict
            If the product was deleted meanwhile.
        """
        product = self._access.edited(principal, key)
        if not principal.operator:
            raise NotAllowed("only an operator gives products to somebody else")
        self._stores.drafts.update(product.id, {"owner": owner}, _EXISTING)
        return self._stores.drafts.product(product.id)

    def delete(self, principal: Principal, key: int | str) -> None:
        """Delete a product: it disappears at once, its files when no download can use them.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not.
        """
        product = self._access.seen(principal, key)
        self._access.policy().require_delete(principal, product)
        self._stores.products.withdraw(product.id)

    def register(
        self, principal: Principal, key: int | str, reading: ReadOptions = DEFAULT_OPTIONS
    ) -> Product:
        """Read the main file that waits for publication: columns, rows, preview, statistics.

        Parameters
        ----------
        principal
            Who may change the product.
        key
            Id or internal name.
        reading
            How its table is found from now on; as was said before, if nothing is chosen.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not.
        ProductRefused
            If there is no main file.
        RegistrationFailed
            If a table is needed, and the file is none; the product is Failed.
        ProductConflict
            If the product is not in a state for it, or the file was replaced meanwhile.
        StorageFull
            If the disk is full; it may be tried again.
        """
        product = self._access.edited(principal, key)
        if product.status is ProductStatus.PROCESSING:
            raise ProductConflict("the product is being made; wait for its process")
        if product.status is ProductStatus.PUBLISHED and self._access.pending_file(product) is None:
            return product
        if reading.given:
            file = self._access.pending_file(product)
            if file is not None:
                self._stores.drafts.set_reading(replace(file, reading=reading.chosen))
        self._registrar.register(product)
        return self._stores.drafts.product(product.id)

    def publish(self, principal: Principal, key: int | str) -> Product:
        """Publish a product, or the new version that waits: its table can be queried at once.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not.
        MandatoryColumnsMissing
            If no column plays a role that the type demands.
        ProductRefused
            If there is neither a main file nor the address of the data.
        AnnotationRejected
            If the columns cannot be what is said of them; all problems are reported.
        ProductConflict
            If the product is not in a state for it.
        RegistrationFailed, UnreadableFile, StorageFull, TableExists
            If its table cannot be made.
        """
        product = self._access.edited(principal, key)
        if product.status is ProductStatus.PROCESSING:
            raise ProductConflict("the product is being made; wait for its process")
        if product.status is ProductStatus.FAILED:
            raise ProductConflict(
                f"the product failed ({product.failure}); give it another main file, or let it be "
                "registered again"
            )
        if product.status is ProductStatus.PUBLISHED and self._access.pending_file(product) is None:
            return product
        self._registrar.publish(product)
        return self._stores.drafts.product(product.id)

    def main_file_info(self, principal: Principal, key: int | str) -> MainFileInfo:
        """Describe the main file and all of its columns.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        ProductFileNotFound
            If it has no main file.
        """
        file = self._main_file(principal, key)
        contents = tuple(self._stores.contents.contents_of(file.id))
        facts = self._stores.contents.facts(file.id)
        if plain_format(file, facts) == "csv":
            return MainFileInfo(file, contents, ",", has_header=True)
        layout = (facts or {}).get("layout") or {}
        return MainFileInfo(file, contents, layout.get("delimiter"), layout.get("has_header"))

    def preview(self, principal: Principal, key: int | str) -> Preview:
        """Give the first rows of the main file; none if it holds no table.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        ProductFileNotFound
            If it has no main file.
        """
        file = self._main_file(principal, key)
        kept = (self._stores.contents.facts(file.id) or {}).get("preview")
        if not kept:
            return Preview()
        columns = tuple(kept["columns"])
        rows = tuple(dict(zip(columns, row, strict=True)) for row in kept["rows"])
        return Preview(columns, rows)

    def facts(self, principal: Principal, key: int | str) -> TableFacts:
        """Give what registration found in the main file.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        ProductFileNotFound
            If it has no main file.
        """
        file = self._main_file(principal, key)
        kept = self._stores.contents.facts(file.id) or {}
        return TableFacts(
            format=kept.get("format"),
            n_rows=file.n_rows,
            histogram=kept.get("histogram"),
            footprint=kept.get("footprint"),
            coverage=kept.get("coverage"),
            warnings=tuple(kept.get("warnings") or ()),
            layout=kept.get("layout") or {},
            registered=file.registered,
        )

    def versions(self, principal: Principal, key: int | str) -> list[ProductFile]:
        """List the main files of all published versions, the oldest first.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        """
        product = self._access.seen(principal, key)
        files = self._stores.drafts.files_of(product.id)
        mains = [f for f in files if f.role is FileRole.MAIN and f.version is not None]
        return sorted(mains, key=lambda file: file.version or 0)

    def provenance(self, principal: Principal, key: int | str) -> Provenance | None:
        """Say how a product was made, of what the caller may know of; nothing for uploads.

        Raises
        ------
        ProductNotFound
            If there is no such product for the caller.
        """
        product = self._access.seen(principal, key)
        return self._access.known(principal, self._stores.provenance.provenance(product.id))

    def may_edit(self, principal: Principal, product: Product) -> bool:
        """Tell whether a caller may change a product."""
        return self._access.policy().may_edit(principal, product)

    def may_delete(self, principal: Principal, product: Product) -> bool:
        """Tell whether a caller may delete a product."""
        return self._access.policy().may_delete(principal, product)

    def _main_file(self, principal: Principal, key: int | str) -> ProductFile:
        product = self._access.seen(principal, key)
        file = self._access.main_file(product)
        if file is None:
            raise ProductFileNotFound(f"product {product.internal_name!r} has no main file")
        return file
