"""How a product is cited, in BibTeX."""

from __future__ import annotations

import re

from registry.model.product import Product
from registry.model.references import article_url, creator_names, doi_of

__all__ = ["bibtex"]

_SPECIAL = re.compile(r"([\\{}%&#$_~^])")

_WORDS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def bibtex(product: Product, publisher: str, url: str) -> str:
    """Write the entry of a product.

    Parameters
    ----------
    product
        To be cited.
    publisher
        Who publishes it.
    url
        Its page.
    """
    article = product.article
    fields = {
        # A name that stands in braces is not taken apart where it has no comma.
        "author": " and ".join(
            _text(name) if "," in name else f"{{{_text(name)}}}"
            for name in creator_names(product.creators)
        ),
        "title": f"{{{_text(product.display_name)}}}",
        "year": str(product.release_year or product.created.year),
        "publisher": _text(publisher),
        "version": "" if product.edition is None else str(product.edition),
        "doi": product.doi or "",
        "url": url,
        "note": _note(article) if article else "",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    key = re.sub(r"[^A-Za-z0-9:_-]", "", product.internal_name) or f"product{product.id}"
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])


def _note(article: str) -> str:
    doi = doi_of(article)
    return f"Described in {_text(f'doi:{doi}' if doi else article_url(article) or article)}"


def _text(value: str) -> str:
    return _SPECIAL.sub(lambda m: _WORDS.get(m[1], f"\\{m[1]}"), " ".join(value.split()))
