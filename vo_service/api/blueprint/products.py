"""Views of products: list, life, registration and what was found in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flask import Response

from registry.errors import ReleaseNotFound
from registry.model.product import Product, ProductStatus
from registry.product_types import product_types
from registry.products.records import ProductDraft
from registry.products.service import ProductService
from registry.releases import ReleaseService
from vo_service.api.blueprint.answers import answer, no_content
from vo_service.api.blueprint.bodies import arguments, parse, read_body
from vo_service.api.blueprint.guard import Guard
from vo_service.api.errors import InvalidFields
from vo_service.api.models.base import Page
from vo_service.api.models.files import TableChoice
from vo_service.api.models.products import (
    NewProduct,
    PendingProduct,
    ProductAnswer,
    ProductChange,
    ProductReplacement,
)
from vo_service.api.operation import Access, operation
from vo_service.api.parameter import Parameter
from vo_service.api.presentation import Presentation
from vo_service.api.product_filters import PRODUCT_RULES, ProductFilterParser

__all__ = ["ProductViews"]

_READING = {
    "hdu": "HDU of a FITS file, or table of a VOTable: its number or name.",
    "group": "Group or dataset of an HDF5 file.",
    "delimiter": "Of a text file: one character, or comma, tab, bar, semicolon, space.",
}
"""Parameters by which the table of a file is chosen."""

_CHOICE = tuple(Parameter(name, description) for name, description in _READING.items())

_SPECZ = "redshift_catalog"
"""The type of the list of reference redshifts."""


@dataclass(frozen=True, slots=True)
class ProductViews:
    """Views of products; `key` is the number or the internal name of one."""

    tag: ClassVar[str] = "products"
    products: ProductService
    releases: ReleaseService
    presentation: Presentation
    filters: ProductFilterParser
    guard: Guard

    @operation(
        "GET", "/products/", "List the products.",
        access=Access.READER, answer=Page[ProductAnswer], rules=PRODUCT_RULES, errors=(400, 404),
    )  # fmt: skip
    def list_products(self) -> Response:
        """List the products that the caller may see."""
        return self._list(arguments())

    @operation(
        "GET", "/products-specz/", "List the published redshift catalogues.",
        access=Access.READER, answer=Page[ProductAnswer], rules=PRODUCT_RULES, errors=(400, 404),
    )  # fmt: skip
    def list_redshift_catalogs(self) -> Response:
        """List those that pipelines can combine."""
        number = next(known.id for known in product_types() if known.name == _SPECZ)
        fixed = {"product_type": str(number), "status": str(int(ProductStatus.PUBLISHED))}
        return self._list(arguments() | fixed)

    @operation(
        "GET", "/products-specz/<key>/", "Show a product.",
        access=Access.READER, answer=ProductAnswer, errors=(404,),
    )  # fmt: skip
    @operation(
        "GET", "/products/<key>/", "Show a product.",
        access=Access.READER, answer=ProductAnswer, errors=(404,),
    )  # fmt: skip
    def show_product(self, key: str) -> Response:
        """Show a product that the caller may see."""
        return self._show(self.products.product(self.guard.principal(), product_key(key)))

    @operation(
        "POST", "/products/", "Begin a product.",
        access=Access.MEMBER, answer=ProductAnswer, status=201, body=NewProduct,
        errors=(400, 409, 413, 415),
    )  # fmt: skip
    def create_product(self) -> Response:
        """Make a product that has the status Registering."""
        sent = read_body(NewProduct, first_only=True)
        if sent.status != ProductStatus.REGISTERING:
            raise InvalidFields({"status": ["A product begins with 0; publish it with a PATCH."]})
        draft = ProductDraft(
            display_name=sent.display_name,
            product_type=_type_name(sent.product_type),
            release=self._release_name(sent.release),
            official=sent.official_product,
            pz_code=sent.pz_code,
            description=sent.description,
            release_year=sent.release_year,
            data_url=sent.data_url,
            creators=sent.creators,
            article=sent.article,
            doi=sent.doi,
            licence=sent.licence,
            visibility=sent.visibility,
            groups=frozenset(sent.groups),
        )
        return self._show(self.products.create(self.guard.principal(), draft), 201)

    @operation(
        "PUT", "/products/<key>/", "Set everything of a product.",
        access=Access.MEMBER, answer=ProductAnswer, body=ProductReplacement,
        errors=(400, 404, 406, 409, 413, 415),
    )  # fmt: skip
    def replace_product(self, key: str) -> Response:
        """Set everything that can be set; what was not sent goes back to its default.

        But for who may see it: clients that do not know of that would open what was closed.
        """
        sent = read_body(ProductReplacement)
        kept = {"visibility", "groups"} - sent.model_fields_set
        fields = set(ProductReplacement.model_fields) - {"status"} - kept
        return self._change(key, ProductChange(**sent.model_dump(include=fields)), sent.status)

    @operation(
        "PATCH", "/products/<key>/", "Change a product, or publish it.",
        access=Access.MEMBER, answer=ProductAnswer, body=ProductChange,
        errors=(400, 404, 406, 409, 413, 415, 507),
    )  # fmt: skip
    def change_product(self, key: str) -> Response:
        """Change what was sent; the status 1 publishes."""
        sent = read_body(ProductChange)
        return self._change(key, sent, sent.status)

    @operation(
        "DELETE", "/products/<key>/", "Withdraw a product.",
        access=Access.MEMBER, status=204, errors=(404, 409),
    )  # fmt: skip
    def delete_product(self, key: str) -> Response:
        """Remove a product, its files and its table; its number is not given again."""
        self.products.delete(self.guard.principal(), product_key(key))
        return no_content()

    @operation(
        "POST", "/products/<key>/registry/", "Read the main file of a product.",
        access=Access.MEMBER, answer=ProductAnswer, errors=(400, 404, 409, 413, 507),
        parameters=_CHOICE,
    )  # fmt: skip
    @operation(
        "GET", "/products/<key>/registry/", "Read the main file of a product.",
        access=Access.TOKEN, answer=ProductAnswer, errors=(400, 404, 409, 413, 507),
        parameters=_CHOICE,
    )  # fmt: skip
    def register_product(self, key: str) -> Response:
        """Read columns, rows and statistics; the client sends GET, websites must send POST.

        The parameters say anew which table of the file is meant.
        """
        given = {name: value for name, value in arguments().items() if name in _READING}
        reading = parse(TableChoice, given).reading
        return self._show(self.products.register(self.guard.principal(), product_key(key), reading))

    @operation(
        "GET", "/products/pending_publication/", "Show the product that the caller has begun.",
        access=Access.MEMBER, answer=PendingProduct,
    )  # fmt: skip
    def show_pending_product(self) -> Response:
        """Show the first product of the caller that is still Registering."""
        principal = self.guard.principal()
        found = self.products.pending(principal)
        document = None if found is None else self.presentation.product(principal, found)
        return answer(PendingProduct(product=document))

    def _list(self, arguments: dict[str, str]) -> Response:
        wanted, page = self.filters.parse(arguments)
        principal = self.guard.principal()
        selection = self.products.select(principal, wanted)
        page.check(selection.count)
        documents = self.presentation.products(principal, selection.products)
        return answer(Page[ProductAnswer](count=selection.count, results=documents))

    def _show(self, product: Product, status: int = 200) -> Response:
        return answer(self.presentation.product(self.guard.principal(), product), status)

    def _change(self, key: str, sent: ProductChange, status: int | None) -> Response:
        principal, number = self.guard.principal(), product_key(key)
        product = self.products.product(principal, number)
        changes = self._changes(sent, product)
        if changes:
            product = self.products.update(principal, number, changes)
        if status == ProductStatus.PUBLISHED:
            # Of a published product, the version that waits.
            product = self.products.publish(principal, number)
        elif status is not None and status != product.status:
            sentence = f"A product cannot be given the status {status}; 1 publishes it."
            raise InvalidFields({"status": [sentence]})
        return self._show(product)

    def _changes(self, sent: ProductChange, product: Product) -> dict[str, object]:
        given = sent.model_dump(include=sent.model_fields_set - {"status"})
        if given.get("display_name", "") is None:
            raise InvalidFields({"display_name": ["This field may not be null."]})
        wanted_type = given.pop("product_type", None)
        if wanted_type is not None and _type_name(wanted_type) != product.product_type:
            raise InvalidFields({"product_type": ["The type of a product cannot be changed."]})
        if "release" in given:
            given["release"] = self._release_name(given["release"])
        if "official_product" in given:
            given["official"] = given.pop("official_product")
        if "groups" in given:
            given["groups"] = frozenset(given["groups"])
        return given

    def _release_name(self, number: int | None) -> str | None:
        if number is None:
            return None
        try:
            return self.releases.release(self.guard.principal(), number).name
        except ReleaseNotFound as error:
            sentence = f'Invalid pk "{number}" - object does not exist.'
            raise InvalidFields({"release": [sentence]}) from error


def product_key(text: str) -> int | str:
    """Tell whether a product is named by its number or by its internal name."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def _type_name(number: int) -> str:
    for known in product_types():
        if known.id == number:
            return known.name
    raise InvalidFields({"product_type": [f'Invalid pk "{number}" - object does not exist.']})
