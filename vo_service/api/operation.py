"""Operations of the API as data: what a route takes, what it answers, and to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel

from vo_service.api.lists import ListRules
from vo_service.api.parameter import Parameter

__all__ = ["Access", "Operation", "operation", "operations_of"]

_ATTRIBUTE = "api_operations"

View = TypeVar("View", bound=Callable[..., Any])


class Access(Enum):
    """Who may ask at all; what they see is decided by the policy, object by object."""

    PUBLIC = "public"
    """Everybody."""
    READER = "reader"
    """Everybody where anonymous visitors may read, else whoever signed in."""
    MEMBER = "member"
    """Whoever signed in."""
    TOKEN = "token"  # noqa: S105 - the name of a kind of access, not a secret
    """Whoever shows a token in the header Authorization: GETs that change something."""
    OPERATOR = "operator"
    """Operators of the installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route.

    Attributes
    ----------
    method, path
        Of HTTP; the path is Flask's, below the root of the API.
    summary
        For people; imperative, one sentence.
    tag
        Chapter of the description.
    access
        Who may ask at all.
    answer
        Model of the answer, or its media type where it is no JSON; absent when there is none.
    status
        Of the answer when all went well.
    body
        Model of what is sent.
    media_types
        Of the body.
    parameters
        Of the query string.
    rules
        Of the list that is answered; its parameters come beside, and OPTIONS describes it.
    errors
        Other statuses that may be answered, beside 401, 403 and 429.
    deprecated
        Whether new clients should do something else.
    """

    method: str
    path: str
    summary: str
    tag: str
    access: Access
    answer: type[BaseModel] | str | None = None
    status: int = 200
    body: type[BaseModel] | None = None
    media_types: tuple[str, ...] = (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    )
    parameters: tuple[Parameter, ...] = ()
    rules: ListRules | None = None
    errors: tuple[int, ...] = ()
    deprecated: bool = False
    name: str = ""

    @property
    def query(self) -> tuple[Parameter, ...]:
        """All parameters of the query string."""
        return self.parameters + (() if self.rules is None else self.rules.parameters)

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.path)

    @property
    def path_parameters(self) -> tuple[tuple[str, str], ...]:
        """Names of the parameters in the path, with their JSON types."""
        types = {"int:": "integer"}
        found = re.findall(r"<(\w+:)?(\w+)>", self.path)
        return tuple((name, types.get(converter, "string")) for converter, name in found)


def operation(method: str, path: str, summary: str, **facts: Any) -> Callable[[View], View]:  # noqa: ANN401 - the fields of Operation
    """Declare a method of a view as the answer to a route; several may be declared of one.

    Parameters
    ----------
    method, path, summary, **facts
        As in `Operation`; the tag is that of the class of the view.
    """

    def mark(view: View) -> View:
        marks = getattr(view, _ATTRIBUTE, ())
        setattr(view, _ATTRIBUTE, (*marks, (method, path, summary, facts)))
        return view

    return mark


def operations_of(views: object) -> list[tuple[Operation, Callable[..., Any]]]:
    """Give the operations that the methods of an object answer, in the order of the source.

    Parameters
    ----------
    views
        Its class has the attribute `tag`.
    """
    found = []
    for attribute, function in vars(type(views)).items():
        marks = tuple(reversed(getattr(function, _ATTRIBUTE, ())))
        for number, (method, path, summary, facts) in enumerate(marks):
            name = attribute if number == 0 else f"{attribute}_{number + 1}"
            fields = {"tag": type(views).tag, "name": name} | facts  # type: ignore[attr-defined] # its contract
            declared = Operation(method=method, path=path, summary=summary, **fields)
            found.append((declared, getattr(views, attribute)))
    return found
