"""Lists: which part of them is asked for, by which filters, in which order.

Without a page everything is answered: the client never asks for a second page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import BaseModel

from vo_service.api.errors import InvalidFields, NotFound
from vo_service.api.models.base import Page
from vo_service.api.parameter import Parameter

__all__ = ["Filter", "ListRules", "PageRequest", "parse_value", "select"]

_PAGE_SIZE_DEFAULT = 100
_PAGE_SIZE_MAX = 1000
"""Sizes of pages in the Photo-z Server's API."""

_MAX_NUMBER = 2**63 - 1

Item = TypeVar("Item", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter that thins a list out.

    Attributes
    ----------
    name
        Of the parameter.
    kind
        ``NumberFilter``, ``CharFilter``, ``BooleanFilter`` or ``BaseInFilter``, in the words of
        the Photo-z Server's description.
    field
        Of the answer that must have the value; the name of the parameter by default.
    choices
        Values that can be; empty where any can.
    lookup
        How the field is compared: equal; absent, or not; with all of the words that have commas
        between them, or with any of them, inside it, in any case.
    """

    name: str
    kind: str = "CharFilter"
    field: str = ""
    choices: tuple[int | str, ...] = ()
    lookup: Literal["equal", "isnull", "words", "any_word"] = "equal"

    def fits(self, row: BaseModel, value: int | bool | str) -> bool:
        """Tell whether a row of a list fits to a value; see `parse_value`."""
        found = getattr(row, self.field or self.name)
        if self.lookup == "equal":
            return bool(found == value)
        if self.lookup == "isnull":
            return (found is None) == value
        words = [word.strip() for word in str(value).casefold().split(",") if word.strip()]
        held = [word in str(found or "").casefold() for word in words]
        return any(held) if self.lookup == "any_word" else all(held)

    @property
    def parameter(self) -> Parameter:
        """The parameter for the description of the API."""
        kinds = {"NumberFilter": "integer", "BooleanFilter": "boolean"}
        schema: dict[str, object] = {"type": kinds.get(self.kind, "string")}
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.kind == "NumberFilter" and not self.choices:
            schema |= {"minimum": 0, "maximum": _MAX_NUMBER}
        return Parameter(self.name, f"Only those whose {self.field or self.name} fits.", schema)


@dataclass(frozen=True, slots=True)
class ListRules:
    """What can be asked of a list.

    Attributes
    ----------
    filters
        Parameters that thin it out.
    search
        Fields in which words are sought; empty where nothing is sought.
    ordering
        Fields that it can be sorted by.
    default_ordering
        Field, descending behind a minus.
    title
        Name of the list, for people.
    classes
        Whether OPTIONS describes filters with their kinds, or names them alone.
    """

    filters: tuple[Filter, ...] = ()
    search: tuple[str, ...] = ()
    ordering: tuple[str, ...] = ("id",)
    default_ordering: str = "id"
    title: str = ""
    classes: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters, for the description of the API."""
        whole = {"type": "integer", "minimum": 1}
        orders = [sign + name for name in self.ordering for sign in ("", "-")]
        sought = (Parameter("search", "Words that must all occur."),) if self.search else ()
        return (
            *(known.parameter for known in self.filters),
            *sought,
            Parameter("ordering", "Field to sort by.", {"type": "string", "enum": orders}),
            Parameter("page", "Number of the page, from 1; all rows without one.", whole),
            Parameter(
                "page_size",
                f"Rows of a page; {_PAGE_SIZE_DEFAULT} by default, {_PAGE_SIZE_MAX} at most.",
                whole,
            ),
        )

    def options(self) -> dict[str, object]:
        """Describe the list as the answer to OPTIONS, on which the client depends."""
        if self.classes:
            filters: dict[str, object] = {
                "filter_classes": [
                    {"name": known.name, "type": known.kind}
                    | ({"choices": list(known.choices)} if known.choices else {})
                    for known in self.filters
                ]
            }
        else:
            filters = {"filterset": [known.name for known in self.filters]}
        found = {"search": list(self.search)} if self.search else {}
        return {
            "name": self.title,
            "description": "",
            "renders": ["application/json"],
            "parses": [
                "application/json",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            ],
            **filters,
            **found,
            "ordering": list(self.ordering),
        }

    def order(self, arguments: Mapping[str, str]) -> str:
        """Give the field to sort by, descending behind a minus.

        Raises
        ------
        InvalidFields
            If the list cannot be sorted by it.
        """
        asked = arguments.get("ordering") or self.default_ordering
        if asked.removeprefix("-") not in self.ordering:
            known = ", ".join(self.ordering)
            raise InvalidFields({"ordering": [f"{asked[:40]!r} is not one of {known}."]})
        return asked


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The part of a list that is asked for.

    Attributes
    ----------
    number
        From 1.
    size
        Rows of a page; absent for everything.
    """

    number: int = 1
    size: int | None = None

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.number - 1) * (self.size or 0)

    @classmethod
    def parse(cls, arguments: Mapping[str, str]) -> PageRequest:
        """Read `page` and `page_size`.

        Raises
        ------
        InvalidFields
            If the size is no positive number.
        NotFound
            If there can be no such page.
        """
        number, size = arguments.get("page") or None, arguments.get("page_size") or None
        if number is None and size is None:
            return cls()
        if size is not None and not (size.isascii() and size.isdigit() and int(size[:9])):
            raise InvalidFields({"page_size": ["A positive integer is required."]})
        if number is not None and not (number.isascii() and number.isdigit() and int(number[:15])):
            raise NotFound("Invalid page.")
        rows = _PAGE_SIZE_DEFAULT if size is None else min(int(size[:9]), _PAGE_SIZE_MAX)
        return cls(int((number or "1")[:15]), rows)

    def check(self, count: int) -> None:
        """Refuse a page behind the last one.

        Raises
        ------
        NotFound
            If no row is on the page; the first page may be empty.
        """
        if self.number > 1 and self.offset >= count:
            raise NotFound("Invalid page.")


def parse_value(known: Filter, text: str) -> int | bool | str:
    """Read the value of a filter.

    Raises
    ------
    InvalidFields
        If it is of another kind, or no choice.
    """
    value: int | bool | str = text
    if known.kind == "NumberFilter":
        sign = text.strip().removeprefix("-")
        if not (sign.isascii() and sign.isdigit() and int(sign[:20]) <= _MAX_NUMBER):
            if known.choices:
                raise _no_choice(known, text)
            raise InvalidFields({known.name: ["Enter a number."]})
        value = int(text)
    elif known.kind == "BooleanFilter":
        words = {"true": True, "1": True, "false": False, "0": False}
        if text.strip().lower() not in words:
            raise InvalidFields({known.name: ["Give true or false."]})
        value = words[text.strip().lower()]
    if known.choices and value not in known.choices:
        raise _no_choice(known, text)
    return value


def _no_choice(known: Filter, text: str) -> InvalidFields:
    sentence = f"Select a valid choice. {text[:40]} is not one of the available choices."
    return InvalidFields({known.name: [sentence]})


def select(
    rules: ListRules,
    rows: Sequence[Item],
    arguments: Mapping[str, str],
) -> Page[Item]:
    """Answer what is asked of a list that is in memory.

    Parameters
    ----------
    rules
        Of the list.
    rows
        All that the caller may see.
    arguments
        Of the query string; those that are not known are ignored.

    Raises
    ------
    InvalidFields
        If a filter, the order or the size of the page cannot be.
    NotFound
        If there is no such page.
    """
    page, order = PageRequest.parse(arguments), rules.order(arguments)
    kept = list(rows)
    for known in rules.filters:
        if arguments.get(known.name):
            value = parse_value(known, arguments[known.name])
            kept = [row for row in kept if known.fits(row, value)]
    for word in arguments.get("search", "").casefold().split() if rules.search else ():
        kept = [row for row in kept if _contains(row, rules.search, word)]
    kept.sort(key=_sort_key(order.removeprefix("-")), reverse=order.startswith("-"))
    page.check(len(kept))
    end = None if page.size is None else page.offset + page.size
    return Page(count=len(kept), results=kept[page.offset : end])


def _contains(row: BaseModel, fields: Sequence[str], word: str) -> bool:
    return any(word in str(getattr(row, field) or "").casefold() for field in fields)


def _sort_key(field: str) -> Callable[[BaseModel], tuple[bool, object]]:
    return lambda row: (getattr(row, field) is not None, getattr(row, field))
