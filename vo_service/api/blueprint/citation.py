"""A view of how a product is cited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from flask import Response

from registry.model.product import Product
from registry.model.references import doi_url, licence_url
from registry.products.citation import bibtex
from registry.products.service import ProductService
from vo_service.api.blueprint.guard import Guard
from vo_service.api.blueprint.products import product_key
from vo_service.api.operation import Access, operation

__all__ = ["CitationViews", "mark_references"]

_BIBTEX = "application/x-bibtex; charset=utf-8"


@dataclass(frozen=True, slots=True)
class CitationViews:
    """How products are cited; `key` is the number or the internal name of a product.

    Attributes
    ----------
    publisher
        Who publishes the data.
    base_url
        Public URL of the website.
    """

    tag: ClassVar[str] = "products"
    products: ProductService
    guard: Guard
    publisher: str
    base_url: str

    @operation(
        "GET", "/products/<key>/citation/", "Give the entry for a bibliography, in BibTeX.",
        access=Access.READER, answer="application/x-bibtex", errors=(404,),
    )  # fmt: skip
    def show_citation(self, key: str) -> Response:
        """Write the entry of a product that the caller may see."""
        product = self.products.product(self.guard.principal(), product_key(key))
        page = f"{self.base_url}/product/{product.internal_name}"
        response = Response(bibtex(product, self.publisher, page), content_type=_BIBTEX)
        response.vary.update(("Authorization", "Cookie"))
        return mark_references(response, product)


def mark_references(response: Response, product: Product) -> Response:
    """Say in the headers of an answer what to cite, and the terms of use (RFC 8574, RFC 4946)."""
    links = []
    if product.doi is not None:
        links.append(f'<{_header(doi_url(product.doi))}>; rel="cite-as"')
    address = None if product.licence is None else licence_url(product.licence)
    if address is not None:
        links.append(f'<{_header(address)}>; rel="license"')
    for link in links:
        response.headers.add("Link", link)
    return response


def _header(url: str) -> str:
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~-._")
