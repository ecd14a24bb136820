"""Datasets: pages on which coordinators put products together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from registry.errors import RegistryError

__all__ = ["CuratedDataset", "DatasetLink", "DatasetNotFound"]


class DatasetNotFound(RegistryError):
    """Say that there is no dataset of a name."""

    @classmethod
    def named(cls, asked: str) -> Self:
        """Word the answer."""
        return cls(f"there is no dataset {asked[:255]!r}")


@dataclass(frozen=True, slots=True)
class DatasetLink:
    """A link to what belongs to a dataset and is elsewhere.

    Attributes
    ----------
    title
        For people.
    url
        An address of the web.
    """

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class CuratedDataset:
    """A page with a text, links and products.

    Attributes
    ----------
    name
        Unique; it stays when the title changes.
    title, description
        For people; the description is Markdown.
    links
        In the order in which they are shown.
    products
        Numbers of the products, likewise; whether a visitor sees one is a matter of that product.
    editor
        User name of who changed it last.
    created, updated
        UTC.
    """

    name: str
    title: str
    description: str
    links: tuple[DatasetLink, ...]
    products: tuple[int, ...]
    editor: str | None
    created: datetime
    updated: datetime
