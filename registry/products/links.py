"""What belongs to a product: its files and formats, what it was made from and what of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from registry.errors import ProductNotFound
from registry.maps.folder import FILES, MapFacts
from registry.model.dataset import LINKS_TYPE, DatasetIds
from registry.model.principal import ANONYMOUS, Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.model.references import article_url
from registry.products.service import ProductService

__all__ = ["Link", "ProductLinks"]

_FORMATS = (
    ("votable", "application/x-votable+xml", "VOTable"),
    ("fits", "application/fits", "FITS"),
    ("parquet", "application/vnd.apache.parquet", "Parquet"),
    ("hdf5", "application/x-hdf5", "HDF5"),
    ("csv", "text/csv", "CSV"),
)
"""Formats in which a table can be downloaded."""


_MAPPED = {"density": "density of rows", "redshift": "mean redshift"}
_MAP_FORMS = {".fits": "image", ".healpix.fits": "cells of HEALPix", ".png": "picture"}
_MAP_SEMANTICS = {".fits": "#auxiliary", ".healpix.fits": "#auxiliary", ".png": "#preview"}


@dataclass(frozen=True, slots=True)
class Link:
    """Something that belongs to a product.

    Attributes
    ----------
    semantics
        Term of the core vocabulary of DataLink, with its ``#``.
    description
        For people.
    url
        Where it is.
    media_type
        Of what is there.
    size_bytes
        Of it, where that is known.
    ours
        Whether it is here, under the rights of the product.
    """

    semantics: str
    description: str
    url: str
    media_type: str
    size_bytes: int | None = None
    ours: bool = True


class ProductLinks:
    """Finds what belongs to products.

    Parameters
    ----------
    products
        Tells what a caller may see.
    used_by
        Gives the numbers of the products that were made from one.
    ids
        How products are identified.
    base_url
        Public URL of the website, without trailing slash.
    maps
        Says what maps there are of a relation.
    """

    def __init__(
        self,
        products: ProductService,
        used_by: Callable[[int], list[int]],
        ids: DatasetIds,
        base_url: str,
        maps: Callable[[str], MapFacts | None] = lambda _: None,
    ) -> None:
        self._maps = maps
        self._products = products
        self._used_by = used_by
        self._ids = ids
        self._base_url = base_url

    def product(self, principal: Principal, identifier: str) -> Product | None:
        """Find the published product of an identifier; none where the caller may see none."""
        bare = self._ids.split(identifier)[0]
        number = self._ids.number(bare)
        product = None if number is None else self._seen(principal, number)
        return product if product is not None and self._ids.means(bare, product) else None

    def is_public(self, product: Product) -> bool:
        """Tell whether everybody may see a product."""
        return self._seen(ANONYMOUS, product.id) is not None

    def map_links(self, product: Product, identifier: str) -> list[Link] | None:
        """List what belongs to a map, if the identifier is that of one and not of the product."""
        kind = self._ids.split(identifier)[1]
        if kind is None:
            return None
        found = [link for link in self._mapped(product) if f"/{kind}." in link.url]
        if not found:
            return []
        did = quote(self._ids.publisher_did(product), safe="")
        url = f"{self._base_url}/datalink/links?ID={did}"
        image = replace(found[0], semantics="#this")
        return [image, *found[1:], Link("#progenitor", product.display_name, url, LINKS_TYPE)]

    def links(self, principal: Principal, product: Product) -> Iterator[Link]:
        """List what belongs to a product, and may be seen by a caller who may see it."""
        files = self._products.files.select(principal, product.id)
        for file in files:
            if file.role is FileRole.MAIN and file.version == product.edition:
                yield self._main(product, file)
        api = f"{self._base_url}/api/products/{product.id}"
        if product.version is not None:
            for name, media_type, label in _FORMATS:
                said = f"{product.display_name}, as {label}"
                yield Link("#this", said, f"{api}/data/?format={name}", media_type)
        if files:
            said = "All files of the product and what is known of them"
            yield Link("#package", said, f"{api}/download/file/", "application/zip")
        page = f"{self._base_url}/product/{product.internal_name}"
        yield Link("#documentation", "Page of the product", page, "text/html")
        citation = f"{api}/citation/"
        yield Link("#documentation", "Citation in BibTeX", citation, "application/x-bibtex")
        if product.version is not None and product.version.coverage is not None:
            said = "Coverage map (MOC) of the positions"
            url = f"{self._base_url}/moc/{product.table_name}"
            yield Link("#auxiliary", said, url, "application/fits")
        yield from self._mapped(product)
        yield from self._references(product)
        for file in files:
            if file.role is not FileRole.MAIN:
                yield self._attached(file)
        yield from self._relatives(principal, product)

    def _seen(self, principal: Principal, number: int) -> Product | None:
        try:
            product = self._products.product(principal, number)
        except ProductNotFound:
            return None
        return product if product.status is ProductStatus.PUBLISHED else None

    def _main(self, product: Product, file: ProductFile) -> Link:
        url = f"{self._base_url}/api/products/{product.id}/download/main-file/file/"
        kind = "application/zip" if file.is_directory else file.media_type
        size = None if file.is_directory else file.size_bytes
        said = f"{product.display_name}, as it was uploaded: {file.name}"
        return Link("#this", said, url, kind or "application/octet-stream", size)

    def _mapped(self, product: Product) -> Iterator[Link]:
        facts = None if product.version is None else self._maps(product.version.relation)
        for kind in () if facts is None else facts.kinds:
            for ending, media_type in FILES.items():
                name = f"{kind}{ending}"
                semantics = _MAP_SEMANTICS[ending]
                said = f"Map of the {_MAPPED[kind]}, as {_MAP_FORMS[ending]}"
                url = f"{self._base_url}/maps/{product.table_name}/{name}"
                yield Link(semantics, said, url, media_type, facts.sizes[name] if facts else None)

    def _attached(self, file: ProductFile) -> Link:
        is_description = file.role is FileRole.DESCRIPTION
        return Link(
            "#documentation" if is_description else "#auxiliary",
            file.name,
            f"{self._base_url}/api/product-files/{file.id}/download/",
            file.media_type or "application/octet-stream",
            None if file.is_directory else file.size_bytes,
        )

    def _references(self, product: Product) -> Iterator[Link]:
        address = None if product.article is None else article_url(product.article)
        if address is not None:
            said = "Article that describes the product"
            yield Link("#documentation", said, address, "text/html", ours=False)

    def _relatives(self, principal: Principal, product: Product) -> Iterator[Link]:
        provenance = self._products.provenance(principal, product.id)
        inputs = () if provenance is None else provenance.inputs
        parents = [given.product_id for given in inputs]
        for semantics, numbers in (
            ("#progenitor", parents),
            ("#derivation", self._used_by(product.id)),
        ):
            for number in dict.fromkeys(numbers):
                other = self._seen(principal, number)
                if other is not None:
                    identifier = quote(self._ids.publisher_did(other), safe="")
                    url = f"{self._base_url}/datalink/links?ID={identifier}"
                    yield Link(semantics, other.display_name, url, LINKS_TYPE)
