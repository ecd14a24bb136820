"""What every part of a resolution shares: the text, the tables, the counters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from registry.model.field import Field
from registry.model.table import Table, TableSet
from vo_service.adql import tree, typed
from vo_service.adql.errors import AdqlError, QueryTooComplex, TypeMismatch
from vo_service.adql.functions.alignment import Misfit
from vo_service.adql.limits import DEFAULT_LIMITS, Limits

__all__ = ["MAX_DEPTH", "CommonSource", "Environment", "NamedQuery"]

MAX_DEPTH = 200
"""Deepest typed tree: engines print it with at most three frames a level, and Python stops at
1000. Chains such as ``a + b + c`` nest in the typed tree, one level an operator."""

E = TypeVar("E", bound=AdqlError)


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A resolved query and the names of its columns.

    Attributes
    ----------
    query
        The query.
    names
        Name of each column, delimited where its case counts.
    """

    query: typed.Query
    names: tuple[tree.Identifier, ...]


@dataclass(frozen=True, slots=True)
class CommonSource:
    """A common table expression that may be used.

    Attributes
    ----------
    written
        Its name as written.
    name
        Its generated name.
    names
        Names of its columns, delimited where the case counts.
    fields
        Meaning of its columns.
    """

    written: tree.Identifier
    name: str
    names: tuple[tree.Identifier, ...]
    fields: tuple[Field, ...]


@dataclass(slots=True)
class Environment:
    """State of one resolution.

    Attributes
    ----------
    source
        Text of the query, for places in errors.
    tables
        Everything that the caller may query.
    limits
        Of the size of the query.
    commons
        Common table expressions, in the order written.
    used
        Tables that were used, by name, in order.
    relations
        Number of relations so far.
    depth
        Depth of the typed tree at the present node.
    """

    source: str
    tables: TableSet
    limits: Limits = DEFAULT_LIMITS
    commons: list[CommonSource] = field(default_factory=list)
    used: dict[str, Table] = field(default_factory=dict)
    relations: int = 0
    depth: int = 0

    def error(
        self, kind: type[E], message: str, node: tree.Node, suggestions: tuple[str, ...] = ()
    ) -> E:
        """Make an error at a node."""
        return kind.at(message, self.source, node.span.start, suggestions)

    def number(self) -> int:
        """Give the next number of a relation."""
        self.relations += 1
        return self.relations - 1

    def descend(self, node: tree.Node, levels: int) -> None:
        """Go deeper in the typed tree; the caller takes the levels from `depth` afterwards.

        Raises
        ------
        QueryTooComplex
            When it gets deeper than `MAX_DEPTH`.
        """
        self.depth += levels
        if self.depth > MAX_DEPTH:
            raise self.error(
                QueryTooComplex,
                f"The expression nests more than {MAX_DEPTH} levels deep, counting every "
                "operator of a chain",
                node,
            )

    @contextmanager
    def misfits_at(self, node: tree.Node) -> Iterator[None]:
        """Turn a `Misfit` into an error at a node.

        Raises
        ------
        TypeMismatch
            When two values do not go together.
        """
        try:
            yield
        except Misfit as misfit:
            raise self.error(TypeMismatch, str(misfit), node) from None
