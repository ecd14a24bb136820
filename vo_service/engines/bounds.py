"""How many rows the result of a query can have, as far as its text says."""

from __future__ import annotations

from vo_service.adql.functions import FUNCTIONS
from vo_service.adql.typed import Arithmetic, Call, Cast, Expression, Query, Select

__all__ = ["is_aggregated", "rows_at_most"]


def rows_at_most(query: Query, row_limit: int | None) -> int | None:
    """Bound the rows of a result.

    Parameters
    ----------
    query
        The outermost query.
    row_limit
        At most so many rows are wanted.

    Returns
    -------
    int or None
        None where nothing bounds them.
    """
    bounds = [row_limit]
    if isinstance(query.body, Select):
        bounds.append(query.body.top)
        if not query.body.group_by and any(is_aggregated(o.expression) for o in query.body.outputs):
            bounds.append(1)
    return min((bound for bound in bounds if bound is not None), default=None)


def is_aggregated(node: Expression) -> bool:
    """Whether a value is computed from groups of rows."""
    match node:
        case Call(function=function, arguments=arguments):
            return FUNCTIONS[function].aggregate or any(map(is_aggregated, arguments))
        case Arithmetic(left=left, right=right):
            return is_aggregated(left) or is_aggregated(right)
        case Cast(operand=operand):
            return is_aggregated(operand)
        case _:
            return False
