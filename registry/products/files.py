"""The files of products: received, listed, removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from registry.errors import ProductConflict, ProductFileNotFound, ProductNotFound, ProductRefused
from registry.formats.readers import DEFAULT_OPTIONS, ReadOptions
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.products.access import ProductAccess
from registry.products.names import clean_file_name
from registry.products.records import ProductLimits, ProductStores
from registry.stores.files import ArchivedFile

__all__ = ["ProductFiles", "keep_file"]

_DRAFT = (ProductStatus.REGISTERING, ProductStatus.FAILED)

_CHANGEABLE = (*_DRAFT, ProductStatus.PUBLISHED)


class ProductFiles:
    """Takes files for products, and gives an account of them.

    Parameters
    ----------
    stores
        Of the installation.
    access
        Checks what callers may do.
    limits
        What people may put into the service.
    """

    def __init__(self, stores: ProductStores, access: ProductAccess, limits: ProductLimits) -> None:
        self._stores = stores
        self._access = access
        self._limits = limits

    def add(  # noqa: PLR0917 - the parts of an upload form
        self,
        principal: Principal,
        key: int | str,
        role: FileRole | int,
        name: str,
        media_type: str | None,
        stream: BinaryIO,
        reading: ReadOptions = DEFAULT_OPTIONS,
    ) -> ProductFile:
        """Receive a file: when this returns, it is safe on disk.

        Parameters
        ----------
        principal
            Who may change the product.
        key
            Id or internal name of the product.
        role
            What the file is for.
        name, media_type
            As the client says.
        stream
            The contents, read once.
        reading
            How the table of a main file is found.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not.
        ProductRefused
            If the product has a main file, or the file is empty.
        ProductConflict
            If the product is not in a state to get files.
        UploadTooLarge
            If the file passes the limit of size.
        StorageFull
            If the disk is full; nothing of it is kept.
        """
        product, kind = self._allowed(principal, key, role)
        return self._receive(product, kind, name, media_type, stream, None, reading)

    def check(self, principal: Principal, key: int | str, role: FileRole | int) -> None:
        """Check whether a caller may add a file, before it is sent.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused, ProductConflict
            See `add`.
        """
        self._allowed(principal, key, role)

    def replace_main(  # noqa: PLR0917 - the parts of an upload form
        self,
        principal: Principal,
        key: int | str,
        name: str,
        media_type: str | None,
        stream: BinaryIO,
        reading: ReadOptions = DEFAULT_OPTIONS,
    ) -> ProductFile:
        """Receive another main file; that of a published product waits to become a new version.

        Parameters
        ----------
        principal, key, name, media_type, stream, reading
            See `add`.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed, ProductRefused, ProductConflict,
        UploadTooLarge, StorageFull
            See `add`.
        """
        product = self._access.edited(principal, key)
        _check_state(product, _CHANGEABLE)
        old = self._access.pending_file(product)
        return self._receive(product, FileRole.MAIN, name, media_type, stream, old, reading)

    def select(self, principal: Principal, product_id: int | None = None) -> list[ProductFile]:
        """List files by id: of one product, or of all that the caller may see.

        Parameters
        ----------
        principal
            Who asks. Those who may change a product see the main file that waits for
            publication; others the published one.
        product_id
            Of the product; nothing is listed for one that is hidden.
        """
        visibility = self._access.visibility(principal)
        files = self._stores.drafts.files(visibility, product_id)
        return self._access.working(principal, files)

    def file(self, principal: Principal, file_id: int) -> ProductFile:
        """Find a file.

        Raises
        ------
        ProductFileNotFound
            If there is none, or it is hidden from the caller.
        """
        return self._found(principal, file_id)[1]

    def remove(self, principal: Principal, file_id: int) -> None:
        """Remove a file; that of a published version stays.

        Raises
        ------
        ProductFileNotFound
            If there is none, or it is hidden from the caller.
        LoginRequired, NotAllowed
            If the caller may not change the product.
        ProductConflict
            If it is the main file of a published version.
        """
        product, file = self._found(principal, file_id)
        self._access.policy().require_edit(principal, product)
        self._stores.drafts.remove_file(file, _CHANGEABLE)

    def _allowed(
        self, principal: Principal, key: int | str, role: FileRole | int
    ) -> tuple[Product, FileRole]:
        product = self._access.edited(principal, key)
        kind = _role(role)
        states = _DRAFT if kind is FileRole.MAIN else _CHANGEABLE
        if kind is FileRole.MAIN and product.status is ProductStatus.PUBLISHED:
            raise ProductRefused(
                "role",
                "the product has a main file already, and is published with it; put a new version "
                "in its place, or add this one as auxiliary file",
            )
        if kind is FileRole.MAIN and self._access.pending_file(product) is not None:
            raise ProductRefused(
                "role",
                "the product has a main file already; remove that one first, or add this one as "
                "auxiliary file",
            )
        _check_state(product, states)
        return product, kind

    def _found(self, principal: Principal, file_id: int) -> tuple[Product, ProductFile]:
        file = self._stores.drafts.file(file_id)
        try:
            product = self._access.seen(principal, file.product_id)
        except ProductNotFound:
            raise ProductFileNotFound.named(file_id) from None
        pending = file.role is FileRole.MAIN and file.version is None
        if pending and not self._access.policy().may_edit(principal, product):
            raise ProductFileNotFound.named(file_id)
        return product, file

    def _receive(  # noqa: PLR0917 - the parts of an upload form
        self,
        product: Product,
        role: FileRole,
        name: str,
        media_type: str | None,
        stream: BinaryIO,
        replaced: ProductFile | None,
        reading: ReadOptions,
    ) -> ProductFile:
        clean = clean_file_name(name)
        with self._stores.files.staging() as staging:
            received = staging.receive(stream, clean, self._limits.file_bytes)
            if received.size_bytes == 0:
                raise ProductRefused("file", "The submitted file is empty.")
            states = _DRAFT if role is FileRole.MAIN and replaced is None else _CHANGEABLE
            if role is FileRole.MAIN and product.status is ProductStatus.PUBLISHED:
                states = _CHANGEABLE
            return keep_file(
                self._stores,
                product,
                received,
                role,
                media_type=media_type,
                states=states,
                replaced=replaced,
                most=self._limits.files,
                reading=reading,
            )


def keep_file(
    stores: ProductStores,
    product: Product,
    staged: ArchivedFile,
    role: FileRole,
    *,
    media_type: str | None,
    states: Sequence[ProductStatus],
    replaced: ProductFile | None = None,
    most: int | None = None,
    reading: ReadOptions = DEFAULT_OPTIONS,
) -> ProductFile:
    """Make a staged file one of a product's: on disk and in the records, or in neither.

    Parameters
    ----------
    stores
        Of the installation.
    product
        Whose file it becomes.
    staged
        The file.
    role, media_type
        Of the file.
    states
        In which the product must be.
    replaced
        The file whose place it takes.
    most
        Files that a product may have.
    reading
        How its table is found.

    Raises
    ------
    ProductRefused, ProductConflict
        See `SqlDraftStore.add_file`.
    StorageFull
        If the disk is full.
    """
    now = datetime.now(UTC)
    file = ProductFile(
        id=0,
        product_id=product.id,
        role=role,
        name=staged.name,
        media_type=_clean_media_type(media_type),
        size_bytes=staged.size_bytes,
        sha256=staged.sha256,
        crc32=staged.crc32,
        is_directory=staged.is_directory,
        stored="",
        reading=reading.chosen,
        created=now,
        updated=now,
    )
    stored: list[str] = []

    def place() -> str:
        stored.append(stores.files.keep(staged, product.internal_name))
        return stored[0]

    try:
        with stores.files.placing():
            return stores.drafts.add_file(
                file,
                staged.members,
                states,
                place,
                replaced=None if replaced is None else replaced.id,
                most=most,
            )
    except BaseException:
        # An interrupt may come after the commit: then the file belongs to the product.
        if stored and all(f.stored != stored[0] for f in stores.drafts.files_of(product.id)):
            stores.files.remove_place(product.internal_name, stored[0])
        raise


def _role(role: FileRole | int) -> FileRole:
    try:
        return FileRole(role)
    except ValueError:
        raise ProductRefused(
            "role", f"{role!r} is no role; use 0 (main), 1 (description) or 2 (auxiliary)"
        ) from None


def _check_state(product: Product, states: Sequence[ProductStatus]) -> None:
    if product.status not in states:
        raise ProductConflict(
            f"product {product.internal_name!r} is {product.status.name.capitalize()}, and gets no "
            "files"
        )


def _clean_media_type(media_type: str | None) -> str | None:
    if not media_type:
        return None
    text = media_type.strip()[:255]
    return text if text.isascii() and text.isprintable() else None
