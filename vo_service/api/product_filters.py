"""What can be asked of the list of products, in the words of the Photo-z Server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from registry.model.account import User
from registry.model.product import ProductStatus, ProductVisibility, find_type
from registry.model.release import Release
from registry.product_types import product_types
from registry.stores.metadata.selection import ProductFilter, TextFilter
from vo_service.api.errors import InvalidFields
from vo_service.api.lists import Filter, ListRules, PageRequest, parse_value

__all__ = ["PRODUCT_RULES", "ProductFilterParser"]

_TEXTS = ("uploaded_by", "product_type_name", "release_name", "product_name")

_EXACT = (
    Filter("id", "NumberFilter"),
    Filter("internal_name"),
    Filter("display_name"),
    Filter("release", "NumberFilter"),
    Filter("product_type", "NumberFilter", choices=tuple(t.id for t in product_types())),
    Filter("official_product", "BooleanFilter"),
    Filter("status", "NumberFilter", choices=tuple(int(s) for s in ProductStatus)),
    Filter("user", "NumberFilter"),
    Filter("visibility", choices=tuple(v.value for v in ProductVisibility)),
)

_NAMES_MAX = 1000
"""Values that one parameter may list."""

_WORDS_MAX = 50
"""Words that one parameter may look for: each is a condition, of which SQLite nests 1000."""

PRODUCT_RULES = ListRules(
    (
        *_EXACT,
        *(Filter(f"{known.name}__in", "BaseInFilter") for known in _EXACT),
        Filter("release__isnull", "BooleanFilter"),
        *(Filter(f"{name}{ending}") for name in _TEXTS for ending in ("", "__or")),
    ),
    ("display_name", "user__username", "user__first_name", "user__last_name"),
    ("id", "display_name", "product_type", "created_at"),
    "-created_at",
    "Product List",
    classes=True,
)
"""Filters, words and orders of the list."""


class ProductFilterParser:
    """Reads what is asked of the list of products.

    Parameters
    ----------
    releases
        Gives all data releases, whose numbers stand for their names.
    users
        Gives all users, likewise.
    """

    def __init__(
        self, releases: Callable[[], Sequence[Release]], users: Callable[[], Sequence[User]]
    ) -> None:
        self._names: Mapping[str, Callable[[], Mapping[int, str]]] = {
            "release": lambda: {release.id: release.name for release in releases()},
            "user": lambda: {user.id: user.name for user in users()},
            "product_type": lambda: {known.id: known.name for known in product_types()},
        }

    def parse(self, arguments: Mapping[str, str]) -> tuple[ProductFilter, PageRequest]:
        """Read the query string; what is not known in it is ignored.

        Raises
        ------
        InvalidFields
            If a value cannot be.
        NotFound
            If there can be no such page.
        """
        page, order = PageRequest.parse(arguments), PRODUCT_RULES.order(arguments)
        exact: dict[str, object] = {}
        any_of: dict[str, Sequence[object]] = {}
        for known in _EXACT:
            if arguments.get(known.name):
                exact[known.name] = self._value(known, known.name, arguments[known.name])
            several = f"{known.name}__in"
            if arguments.get(several):
                parts = _split(several, arguments[several])
                any_of[known.name] = tuple(self._value(known, several, part) for part in parts)
        if len(arguments.get("search", "").split()) > _WORDS_MAX:
            raise InvalidFields({"search": [f"Give at most {_WORDS_MAX} words."]})
        null = arguments.get("release__isnull") or None
        no_release = Filter("release__isnull", "BooleanFilter")
        wanted = ProductFilter(
            search=arguments.get("search") or None,
            ordering=(order,),
            offset=page.offset,
            limit=page.size,
            exact=exact,
            any_of=any_of,
            release_isnull=None if null is None else bool(parse_value(no_release, null)),
            parts=_texts(arguments),
        )
        return wanted, page

    def _value(self, known: Filter, name: str, text: str) -> object:
        value = parse_value(Filter(name, known.kind, choices=known.choices), text)
        if known.name not in self._names:
            return value
        # A number that nothing has finds nothing, as the empty name does.
        return self._names[known.name]().get(int(value), "")


def _texts(arguments: Mapping[str, str]) -> tuple[TextFilter, ...]:
    found: list[Any] = []
    for name in _TEXTS:
        for ending in ("", "__or"):
            if arguments.get(name + ending):
                words = _split(name + ending, arguments[name + ending], _WORDS_MAX)
                if name == "product_type_name":
                    words = tuple(_current(word) for word in words)
                found.append(TextFilter(name, words, any_of=bool(ending)))
    return tuple(found)


def _current(word: str) -> str:
    """Give the present name of a product type that is called by an older one."""
    known = find_type(product_types(), word)
    return word if known is None else known.name


def _split(name: str, text: str, most: int = _NAMES_MAX) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if len(parts) > most:
        raise InvalidFields({name: [f"Give at most {most} values."]})
    return parts
