"""What the printer of PostgreSQL's SQL carries with it through one query."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from vo_service.adql.typed import Query
from vo_service.engines.base import QueryRejected
from vo_service.engines.context import Context, Print, quoted

__all__ = ["PostgresContext", "Prefilter", "RowKey", "parameter_names", "quoted"]

RowKey = tuple[str, bool]
"""What tells rows apart, printed, and whether it is a whole row rather than a number."""


class Prefilter(StrEnum):
    """What finds the candidates of a positional join; the exact test is the same for all."""

    NONE = "none"
    Q3C = "q3c"
    PGSPHERE = "pgsphere"


class PostgresContext(Context):
    """Bound values and known relations of one query.

    Attributes
    ----------
    prefilter
        What finds the candidates of positional joins.
    keys
        What tells the rows of the SELECT at hand apart.

    Notes
    -----
    Values are bound as text, in quotes that the driver makes: PostgreSQL then reads them as the
    type that they are cast to, floating numbers to the last bit.
    """

    def __init__(
        self,
        print_query: Callable[[Query, Context], str],
        print_expression: Print,
        prefilter: Prefilter,
    ) -> None:
        super().__init__(print_query, print_expression, print_expression)
        self.prefilter = prefilter
        self.keys: tuple[RowKey, ...] = ()
        self._texts: dict[str, int] = {}

    def query(self, node: Query) -> str:
        """Print a query inside the one at hand."""
        keys = self.keys
        text = super().query(node)
        self.keys = keys
        return text

    def bind(self, value: int | float | str) -> str:
        """Give the placeholder of a value; equal texts share one.

        Raises
        ------
        QueryRejected
            For text that PostgreSQL cannot hold.
        """
        text = value if isinstance(value, str) else repr(value)
        if "\0" in text:
            msg = "a text with the character U+0000 cannot be compared or returned; leave it out"
            raise QueryRejected(msg)
        number = self._texts.setdefault(text, len(self._texts))
        return f"%(p{number})s"

    @property
    def parameters(self) -> tuple[object, ...]:
        """Values of the placeholders, in order."""
        return tuple(self._texts)


def parameter_names(parameters: tuple[object, ...]) -> dict[str, object]:
    """Name the values of a statement as its placeholders do."""
    return {f"p{number}": value for number, value in enumerate(parameters)}
