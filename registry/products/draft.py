"""What may be said of a product: checked against the rules of its type and the caller's rights."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from registry.access import AccessPolicy
from registry.errors import AnnotationRejected, ProductRefused
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus, ProductType, ProductVisibility
from registry.model.references import article_url, creator_names, doi_of, licence_url
from registry.product_types import product_type_named
from registry.products.names import check_text
from registry.products.records import ProductDraft

__all__ = ["EDITABLE", "checked_draft", "checked_product"]

_UNKNOWN = datetime.fromtimestamp(0, UTC)

_URL = re.compile(r"(https?|ivo|ftp)://[^\s/]\S*")

_KINDS: dict[str, type] = {
    "display_name": str,
    "description": str,
    "release": str,
    "pz_code": str,
    "official": bool,
    "release_year": int,
    "data_url": str,
    "creators": str,
    "article": str,
    "doi": str,
    "licence": str,
    "visibility": str,
    "groups": frozenset,
}

EDITABLE = tuple(_KINDS)
"""What its owner may change of a product."""

_NEEDED = ("display_name", "official", "visibility", "groups")


def checked_draft(principal: Principal, draft: ProductDraft, policy: AccessPolicy) -> Product:
    """Make the record of a new product, still without number and name.

    Parameters
    ----------
    principal
        Who makes it, and owns it from now on.
    draft
        What is said of it.
    policy
        The rights of the moment.

    Raises
    ------
    LoginRequired, NotAllowed
        If the caller may not make products, or not such a one.
    ProductRefused
        If a value breaks a rule of the product type.
    ReleaseNotFound
        If the release does not exist for the caller.
    """
    policy.require_upload(principal)
    if draft.official:
        policy.require_publish_official(principal)
    product_type = _type_named(draft.product_type)
    product = Product(
        id=0,
        internal_name="",
        display_name=draft.display_name,
        product_type=product_type.name,
        status=ProductStatus.REGISTERING,
        created=_UNKNOWN,
        updated=_UNKNOWN,
        owner=principal.user,
        official=draft.official,
        release=draft.release,
        description=draft.description,
        pz_code=draft.pz_code,
        release_year=draft.release_year,
        data_url=draft.data_url,
        creators=draft.creators,
        article=draft.article,
        doi=draft.doi,
        licence=draft.licence,
        visibility=_visibility(draft.visibility),
        groups=draft.groups,
    )
    checked = checked_product(product, product_type)
    policy.require_visibility(principal, checked)
    if checked.release is not None:
        policy.require_use_release(principal, checked.release)
    return checked


def _type_named(name: str) -> ProductType:
    try:
        return product_type_named(name)
    except AnnotationRejected as error:
        raise ProductRefused("product_type", str(error)) from error


def checked_product(product: Product, product_type: ProductType) -> Product:
    """Check the values of a product against its type, and give them in the stored spelling.

    Raises
    ------
    ProductRefused
        If a value breaks a rule.
    """
    for field, kind in _KINDS.items():
        value = getattr(product, field)
        wrong = not isinstance(value, kind) or (kind is int and isinstance(value, bool))
        if wrong and (value is not None or field in _NEEDED):
            raise ProductRefused(field, f"{value!r} is not of the type {kind.__name__}")
    name = check_text("display_name", product.display_name.strip(), 255)
    if not name:
        raise ProductRefused("display_name", "This field may not be blank.")
    if product.release is not None and not product_type.release_allowed:
        raise ProductRefused(
            "release", f"Release must be null on {product_type.display_name}s products."
        )
    pz_code = (product.pz_code or "").strip() or None
    if pz_code is not None and not product_type.pz_code:
        raise ProductRefused(
            "pz_code", f"Pz Code must be null on {product_type.display_name} products. {pz_code!r}"
        )
    if pz_code is not None:
        check_text("pz_code", pz_code, 55)
    if product.description is not None:
        check_text("description", product.description, 100_000, lines=True)
    year = product.release_year
    if year is not None and not 1900 <= year <= 2200:
        raise ProductRefused("release_year", f"{year} is no year of a release")
    url = (product.data_url or "").strip() or None
    if url is not None and (len(url) > 2000 or not _URL.fullmatch(url)):
        raise ProductRefused("data_url", f"{url[:100]!r} is no address; give an https URL")
    product = replace(
        product,
        display_name=name,
        pz_code=pz_code,
        data_url=url,
        visibility=_visibility(product.visibility),
    )
    return _checked_references(product)


def _visibility(text: str) -> ProductVisibility:
    try:
        return ProductVisibility(text)
    except ValueError:
        known = ", ".join(ProductVisibility)
        raise ProductRefused(
            "visibility", f"{text[:100]!r} is no visibility; choose one of {known}"
        ) from None


def _checked_references(product: Product) -> Product:
    """Check what is to be cited, and give it in the stored spelling; blank is none."""
    names = creator_names(check_text("creators", product.creators or "", 5000))
    article, doi, licence = (
        check_text(field, (getattr(product, field) or "").strip(), 500) or None
        for field in ("article", "doi", "licence")
    )
    if article is not None and article_url(article) is None:
        raise ProductRefused("article", f"{article[:100]!r} is no DOI, bibcode or web address")
    if doi is not None and doi_of(doi) is None:
        raise ProductRefused("doi", f"{doi[:100]!r} is no DOI, such as 10.5281/zenodo.1234567")
    if licence is not None and licence_url(licence) is None:
        raise ProductRefused(
            "licence", f"{licence[:100]!r} is no SPDX identifier, such as CC-BY-4.0, and no address"
        )
    return replace(
        product,
        creators="; ".join(names) or None,
        article=article,
        doi=None if doi is None else doi_of(doi),
        licence=licence,
    )
