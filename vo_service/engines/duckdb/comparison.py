"""Numbers of different types beside each other in DuckDB's SQL.

Whole numbers and single precision meet in double precision; DuckDB would take single precision,
where 16777217 is 16777216.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.model.field import Datatype, Field
from vo_service.adql.typed import Expression, Query
from vo_service.engines.context import Context

__all__ = ["compared", "sought"]


def compared(nodes: Sequence[Expression], context: Context) -> list[str]:
    """Print values that are compared with each other, or stand in for each other.

    Parameters
    ----------
    nodes
        The values.
    context
        Of the query.
    """
    if not _meet_in_double(node.field for node in nodes):
        return [context.value(node) for node in nodes]
    return [
        f"{context.value(node)}::DOUBLE"
        if node.field.type.datatype is Datatype.FLOAT
        else context.value(node)
        for node in nodes
    ]


def sought(operand: Expression, query: Query, context: Context) -> str:
    """Print a value that is sought among those of a query.

    Parameters
    ----------
    operand
        The value.
    query
        Of one column.
    context
        Of the query around.
    """
    text = context.value(operand)
    return f"{text}::DOUBLE" if _meet_in_double((operand.field, query.fields[0])) else text


def _meet_in_double(fields: Iterable[Field]) -> bool:
    types = [field.type for field in fields]
    return (
        all(each.is_numeric for each in types)
        and any(each.datatype is Datatype.FLOAT for each in types)
        and any(each.datatype.is_integer for each in types)
    )
