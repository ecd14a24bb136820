"""What a printer carries with it through one query."""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.typed import Query, TableRelation

__all__ = ["Context", "quoted"]


def quoted(name: str) -> str:
    """Write a generated name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class Context:
    """Bound values and known relations of one query.

    Attributes
    ----------
    relations
        Tables by the number of their relation, as far as they have been printed.
    print_query
        Prints a query inside the one at hand.
    """

    def __init__(self, print_query: Callable[[Query, Context], str]) -> None:
        self.relations: dict[int, TableRelation] = {}
        self.print_query = print_query
        self._values: dict[tuple[type, object], int] = {}

    def bind(self, value: int | float | str) -> str:
        """Give the placeholder of a value.

        Equal values share one placeholder, so that an expression of GROUP BY is recognised
        where it is repeated among the outputs.
        """
        number = self._values.setdefault((type(value), value), len(self._values) + 1)
        return f"${number}"

    @property
    def parameters(self) -> tuple[object, ...]:
        """Values of the placeholders, in order."""
        return tuple(value for _, value in self._values)
