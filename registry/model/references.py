"""References of a product: who made it, what to cite, and on which terms it may be used."""

from __future__ import annotations

import re

__all__ = [
    "article_url",
    "creator_names",
    "doi_of",
    "doi_url",
    "licence_url",
]

_DOI = re.compile(
    r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,9}/[^\s<>\"]+)", re.IGNORECASE
)

_BIBCODE = re.compile(r"[0-9]{4}[A-Za-z0-9.&]{14}[A-Za-z.]")
"""Nineteen characters: year, journal, volume, page, initial of the author."""

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{1,60}")

_WEB = re.compile(r"https?://[^\s<>\"]+")


def creator_names(creators: str | None) -> tuple[str, ...]:
    """Split the names of creators, which have semicolons between them."""
    return tuple(name.strip() for name in (creators or "").split(";") if name.strip())


def doi_of(text: str) -> str | None:
    """Give the bare DOI of its usual spellings, none for anything else."""
    found = _DOI.fullmatch(text.strip())
    return found[1] if found else None


def doi_url(doi: str) -> str:
    """Give the address of a DOI."""
    return f"https://doi.org/{doi}"


def article_url(article: str) -> str | None:
    """Give the address of an article, by its DOI, bibcode of ADS or address; none for others."""
    text = article.strip()
    doi = doi_of(text)
    if doi is not None:
        return doi_url(doi)
    if _BIBCODE.fullmatch(text):
        return f"https://ui.adsabs.harvard.edu/abs/{text.replace('&', '%26')}"
    return text if _WEB.fullmatch(text) else None


def licence_url(licence: str) -> str | None:
    """Give the address of a licence, by its SPDX identifier or address; none for others."""
    text = licence.strip()
    if _WEB.fullmatch(text):
        return text
    return f"https://spdx.org/licenses/{text}.html" if _SPDX.fullmatch(text) else None
