"""What forms of products send, and what is said at their fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from registry.model.annotation import find_role
from registry.model.product import Product, ProductVisibility
from registry.model.product_file import ProductContent
from registry.products.records import ProductDraft

__all__ = ["COLUMN_FIELDS", "BasicForm", "column_changes", "suggested_changes"]

COLUMN_FIELDS = ("alias", "ucd", "unit", "description", "null_values")
"""What can be said of a column in the form."""

_CITED = ("creators", "doi", "article", "licence")

_TEXTS = (
    "display_name", "release", "pz_code", "description", "data_url", "release_year", *_CITED,
)  # fmt: skip

_YEAR_DIGITS = 4

_GROUP = "group:"
"""Begins the names of the boxes of groups."""


@dataclass(frozen=True, slots=True)
class BasicForm:
    """What is said of a product as a whole, as its form has it.

    Attributes
    ----------
    values
        Texts by the names of the fields; absent ones are empty.
    """

    values: Mapping[str, str]

    @classmethod
    def of_product(cls, product: Product) -> BasicForm:
        """Fill it with what is said now."""
        values = {name: getattr(product, name) for name in (*_TEXTS, "product_type")}
        values["official"] = "1" if product.official else ""
        values["visibility"] = product.visibility.value
        values |= {f"{_GROUP}{name}": "1" for name in product.groups}
        return cls({name: "" if value is None else str(value) for name, value in values.items()})

    def problems(self) -> dict[str, str]:
        """Say at which field something is no value at all."""
        year = self.values.get("release_year", "").strip()
        if year and not (year.isascii() and year.isdigit() and len(year) == _YEAR_DIGITS):
            return {"release_year": gettext("Write a year with four digits.")}
        return {}

    def draft(self) -> ProductDraft:
        """Give it as a new product."""
        changes = self.changes()
        return ProductDraft(
            product_type=self.values.get("product_type", ""),
            official=bool(changes.pop("official", False)),
            **changes,
        )

    def changes(self, *, official: bool = True) -> dict[str, Any]:
        """Give it as changes of a product; what the form does not have stays.

        Parameters
        ----------
        official
            Whether the form has the box for official products.
        """
        found: dict[str, Any] = {
            name: self.values.get(name, "").strip() or None
            for name in _TEXTS
            if name in self.values and name not in ("display_name", "release_year")
        }
        found["display_name"] = self.values.get("display_name", "").strip()
        year = self.values.get("release_year", "").strip()
        if "release_year" in self.values:
            found["release_year"] = int(year) if year else None
        if official:
            found["official"] = bool(self.values.get("official"))
        if "visibility" in self.values:
            found["visibility"] = self.values["visibility"]
            for_groups = found["visibility"] == ProductVisibility.GROUPS
            found["groups"] = self.groups if for_groups else frozenset()
        return found

    @property
    def groups(self) -> frozenset[str]:
        """Names of the groups that are chosen."""
        return frozenset(
            name.removeprefix(_GROUP) for name in self.values if name.startswith(_GROUP)
        )


def column_changes(
    contents: list[ProductContent], sent: Mapping[str, str]
) -> dict[int, dict[str, Any]]:
    """Read what a form says of columns; fields that it does not have stay as they are.

    Parameters
    ----------
    contents
        The columns.
    sent
        Fields by the number of the column and the name of the statement: ``12-unit``.
    """
    changes: dict[int, dict[str, Any]] = {}
    for content in contents:
        found: dict[str, Any] = {}
        for name in COLUMN_FIELDS:
            text = sent.get(f"{content.id}-{name}")
            if text is None:
                continue
            if name == "null_values":
                found[name] = [part.strip() for part in text.split(",") if part.strip()]
            elif text.strip() != (getattr(content, name) or ""):
                found[name] = text
        changes[content.id] = found
    return changes


def suggested_changes(
    contents: list[ProductContent], changes: Mapping[int, Mapping[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Add what is suggested where nothing is said, of a role only if no column has it."""
    said = {content.id: changes.get(content.id, {}) for content in contents}

    def now(content: ProductContent, name: str) -> Any:  # noqa: ANN401 - texts and lists
        return said[content.id].get(name, getattr(content, name))

    played = {now(content, "alias") for content in contents}
    found = {}
    for content in contents:
        mine = dict(said[content.id])
        for name in ("alias", "ucd", "unit"):
            proposed = (content.suggestion or {}).get(name)
            if not proposed or now(content, name) or (name == "alias" and proposed in played):
                continue
            mine[name] = proposed
        role = find_role(mine.get("alias") or "")
        if role is not None and "ucd" in mine and not now(content, "ucd"):
            mine["ucd"] = role.ucd
        found[content.id] = mine
    return found
