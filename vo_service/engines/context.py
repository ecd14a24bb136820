"""What a printer carries with it through one query."""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql.typed import Expression, Query
from vo_service.engines.spatial import IndexedColumns

__all__ = ["Context", "Point", "Print", "quoted"]

Point = tuple[str, str]
"""Longitude and latitude of a point in degrees, printed."""


def quoted(name: str) -> str:
    """Write a generated name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


Print = Callable[[Expression, "Context"], str]
"""Prints an expression."""


class Context:
    """Bound values and known relations of one query.

    Attributes
    ----------
    positions
        Indexed positions by the number of their relation, as far as it has been printed.
    common_positions
        The same of common tables, by name.
    exposed
        Position that passes through the query that was printed last.
    row_keys
        What tells the rows of the SELECT at hand apart.
    grouped
        Whether values at hand belong to groups of rows.
    """

    def __init__(
        self,
        print_query: Callable[[Query, Context], str],
        print_expression: Print,
        print_value: Print,
    ) -> None:
        self.positions: dict[int, IndexedColumns] = {}
        self.common_positions: dict[str, IndexedColumns] = {}
        self.exposed: IndexedColumns | None = None
        self.row_keys: tuple[str, ...] = ()
        self.grouped = False
        self._print_query = print_query
        self._print_expression = print_expression
        self._print_value = print_value
        self._values: dict[tuple[type, object], int] = {}

    def query(self, node: Query) -> str:
        """Print a query inside the one at hand."""
        keys, grouped = self.row_keys, self.grouped
        text = self._print_query(node, self)
        self.row_keys, self.grouped = keys, grouped
        return text

    def expression(self, node: Expression) -> str:
        """Print an expression inside another."""
        return self._print_expression(node, self)

    def value(self, node: Expression) -> str:
        """Print an expression where its value is looked at: undefined results are NULL."""
        return self._print_value(node, self)

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
