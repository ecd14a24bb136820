"""Which products a caller asks for, and which of them the caller may know of, as SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true

from registry.model.product import Product, ProductStatus, ProductVisibility
from registry.stores.metadata.account_schema import releases, users
from registry.stores.metadata.database import MetadataDatabase
from registry.stores.metadata.heads import HEADS
from registry.stores.metadata.records import product_from_row
from registry.stores.metadata.schema import product_groups, products

__all__ = [
    "ProductFilter",
    "Selection",
    "SqlProductSelection",
    "TextFilter",
    "Visibility",
    "of_product",
    "visible",
]

_ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class Visibility:
    """What a caller may know of.

    Attributes
    ----------
    everything
        Whether it is an operator, who sees deleted products too when asking for them.
    user
        Sees what is theirs.
    coordinator
        Whether every official product is seen.
    unreleased
        Whether published products without a release are seen.
    releases
        Names of the releases whose published products are seen.
    groups
        Names of the groups whose products are seen.
    """

    everything: bool = False
    user: str | None = None
    coordinator: bool = False
    unreleased: bool = False
    releases: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TextFilter:
    """Words that must occur in a value, in any case.

    Attributes
    ----------
    field
        ``uploaded_by``, ``product_type_name``, ``release_name`` or ``product_name``.
    words
        What must occur.
    any_of
        Whether one of the words is enough; otherwise all must occur.
    """

    field: str
    words: tuple[str, ...]
    any_of: bool = False


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products are asked for, and in which order.

    Attributes
    ----------
    exact
        Values by field: ``id``, ``internal_name``, ``display_name``, ``release``,
        ``product_type``, ``official_product``, ``status``, ``user``, ``visibility``. Releases,
        types and users are named by their names.
    any_of
        The same with several accepted values.
    release_isnull
        Whether products without a release are asked for, or those with one.
    parts
        Words in names.
    search
        Words that must all occur in the display name or in the names of the owner.
    ordering
        Fields ``id``, ``display_name``, ``product_type``, ``created_at``; a ``-`` before one
        turns it round.
    offset, limit
        The part of the list that is wanted; without a limit all of it.
    """

    exact: Mapping[str, object] = field(default_factory=dict)
    any_of: Mapping[str, Sequence[object]] = field(default_factory=dict)
    release_isnull: bool | None = None
    parts: tuple[TextFilter, ...] = ()
    search: str | None = None
    ordering: tuple[str, ...] = ("-created_at",)
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a list.

    Attributes
    ----------
    count
        Products in the whole list.
    products
        Those of the part.
    """

    count: int
    products: list[Product]


class SqlProductSelection:
    """Finds products.

    Parameters
    ----------
    database
        Prepared by `MetadataDatabase.prepare`.
    """

    def __init__(self, database: MetadataDatabase) -> None:
        self._database = database

    def select(
        self, visibility: Visibility, wanted: ProductFilter, types: Mapping[str, str]
    ) -> Selection:
        """Find products that a caller may know of.

        Parameters
        ----------
        visibility
            What the caller may know of.
        wanted
            What the caller asks for.
        types
            Display names of the product types by their names.

        Raises
        ------
        ValueError
            If a field of the filter does not exist.
        """
        conditions = [visible(visibility), *_conditions(wanted, types)]
        if "status" not in wanted.exact and "status" not in wanted.any_of:
            conditions.append(products.c.status != int(ProductStatus.DELETED))
        joined = HEADS.outerjoin(users, users.c.name == products.c.owner).outerjoin(
            releases, releases.c.name == products.c.release
        )
        query = joined.where(*conditions)
        page = query.order_by(*_order(wanted.ordering)).offset(wanted.offset)
        if wanted.limit is not None:
            page = page.limit(wanted.limit)
        with self._database.reading() as connection:
            found = [product_from_row(row) for row in connection.execute(page)]
            if wanted.offset == 0 and (wanted.limit is None or len(found) < wanted.limit):
                return Selection(len(found), found)
            count: int = connection.execute(_count(query)).scalar_one()
            return Selection(count, found)

    def counts(
        self, visibility: Visibility, wanted: ProductFilter, types: Mapping[str, str], field: str
    ) -> dict[Any, int]:
        """Count the products that a caller may know of by the values of one field.

        Parameters
        ----------
        visibility, wanted, types
            As in `select`; a condition of the filter on the field itself does not count, nor do
            its order and its part.
        field
            Name of a field of `ProductFilter.exact`.

        Raises
        ------
        ValueError
            If a field does not exist.
        """
        others = replace(
            wanted, exact={name: value for name, value in wanted.exact.items() if name != field}
        )
        column = _field(field)
        conditions = [visible(visibility), *_conditions(others, types)]
        if "status" not in others.exact and "status" not in others.any_of:
            conditions.append(products.c.status != int(ProductStatus.DELETED))
        query = (
            select(column, func.count())
            .select_from(products.outerjoin(users, users.c.name == products.c.owner))
            .where(*conditions)
            .group_by(column)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def visible(visibility: Visibility) -> ColumnElement[bool]:
    """Give the condition on products that a caller may know of them."""
    if visibility.everything:
        return true()
    published = []
    if visibility.unreleased:
        published.append(products.c.release.is_(None))
    if visibility.releases:
        published.append(products.c.release.in_(sorted(visibility.releases)))
    seen: list[ColumnElement[bool]] = [
        and_(
            products.c.status == int(ProductStatus.PUBLISHED),
            or_(false(), *published),
            _is_for(visibility),
        )
    ]
    if visibility.user is not None:
        seen.append(products.c.owner == visibility.user)
    if visibility.coordinator:
        seen.append(products.c.official)
    return and_(products.c.status != int(ProductStatus.DELETED), or_(*seen))


def _is_for(visibility: Visibility) -> ColumnElement[bool]:
    """Give the condition that published products are for a caller, as their owners chose."""
    kinds = [ProductVisibility.RELEASE]
    if visibility.user is not None:
        kinds.append(ProductVisibility.MEMBERS)
    open_to_all = products.c.visibility.in_([kind.value for kind in kinds])
    if not visibility.groups:
        return open_to_all
    shared = (
        select(product_groups.c.product_id)
        .where(
            product_groups.c.product_id == products.c.id,
            product_groups.c.name.in_(sorted(visibility.groups)),
        )
        .correlate(products)
        .exists()
    )
    return or_(open_to_all, and_(products.c.visibility == ProductVisibility.GROUPS.value, shared))


def of_product(table: Any, product_id: int | None) -> list[Any]:  # noqa: ANN401 - tables of SQLAlchemy
    """Give the condition on rows that they belong to a product, if one is named."""
    return [] if product_id is None else [table.c.product_id == product_id]


def _count(query: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(
        query.with_only_columns(products.c.id).order_by(None).subquery()
    )


_FIELDS = {
    "id": products.c.id,
    "internal_name": products.c.internal_name,
    "display_name": products.c.display_name,
    "release": products.c.release,
    "product_type": products.c.product_type,
    "official_product": products.c.official,
    "status": products.c.status,
    "user": products.c.owner,
    "visibility": products.c.visibility,
}

_ORDERINGS = {
    "id": products.c.id,
    "display_name": products.c.display_name,
    "product_type": products.c.product_type,
    "created_at": products.c.created,
}

_OWNER_NAMES = (products.c.owner, users.c.display_name, users.c.first_name, users.c.last_name)


def _conditions(wanted: ProductFilter, types: Mapping[str, str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name, value in wanted.exact.items():
        found.append(_field(name) == value)
    for name, values in wanted.any_of.items():
        found.append(_field(name).in_(list(values)))
    if wanted.release_isnull is not None:
        isnull = products.c.release.is_(None)
        found.append(isnull if wanted.release_isnull else ~isnull)
    for part in wanted.parts:
        tests = [_contains(part.field, word, types) for word in part.words]
        found.append(or_(false(), *tests) if part.any_of else and_(true(), *tests))
    searched = (products.c.display_name, *_OWNER_NAMES)
    found += [_any_contains(searched, word) for word in (wanted.search or "").split()]
    return found


def _field(name: str) -> Any:  # noqa: ANN401 - a column of any type
    if name not in _FIELDS:
        raise ValueError(f"products have no filter {name!r}; use one of {', '.join(_FIELDS)}")
    return _FIELDS[name]


def _contains(name: str, word: str, types: Mapping[str, str]) -> ColumnElement[bool]:
    if name == "uploaded_by":
        return _any_contains(_OWNER_NAMES, word)
    if name == "product_name":
        return _any_contains((products.c.display_name,), word)
    if name == "release_name":
        return _any_contains((products.c.release, releases.c.display_name), word)
    if name != "product_type_name":
        raise ValueError(
            f"products have no filter {name!r}; use uploaded_by, product_type_name, release_name "
            "or product_name"
        )
    lower = word.lower()
    matching = [key for key, label in types.items() if lower in key or lower in label.lower()]
    return products.c.product_type.in_(matching)


def _any_contains(columns: Sequence[Any], word: str) -> ColumnElement[bool]:
    return or_(*(column.icontains(word, autoescape=True, escape=_ESCAPE) for column in columns))


def _order(ordering: Sequence[str]) -> list[Any]:
    order: list[Any] = []
    for name in ordering:
        column = _ORDERINGS.get(name.removeprefix("-"))
        if column is None:
            raise ValueError(f"products have no order {name!r}; use one of {', '.join(_ORDERINGS)}")
        order.append(column.desc() if name.startswith("-") else column.asc())
    # Equal values keep one order from page to page.
    last_down = bool(ordering) and ordering[-1].startswith("-")
    return [*order, products.c.id.desc() if last_down else products.c.id.asc()]
