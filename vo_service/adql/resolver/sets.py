"""Set operations: the columns that two queries make together."""

from __future__ import annotations

from registry.model.field import Field
from vo_service.adql import tree, typed
from vo_service.adql.errors import TypeMismatch
from vo_service.adql.functions.arguments import is_null
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.types import common_type, kind_of
from vo_service.adql.units import sum_unit

__all__ = ["combine_queries"]

_OPERATORS = {
    tree.SetOperator.UNION: (typed.SetKind.UNION, False),
    tree.SetOperator.UNION_ALL: (typed.SetKind.UNION, True),
    tree.SetOperator.EXCEPT: (typed.SetKind.EXCEPT, False),
    tree.SetOperator.EXCEPT_ALL: (typed.SetKind.EXCEPT, True),
    tree.SetOperator.INTERSECT: (typed.SetKind.INTERSECT, False),
    tree.SetOperator.INTERSECT_ALL: (typed.SetKind.INTERSECT, True),
}


def combine_queries(
    env: Environment,
    operator: tree.SetOperator,
    left: typed.Query,
    right: typed.Query,
    node: tree.Node,
) -> typed.SetOperation:
    """Combine the rows of two queries.

    Parameters
    ----------
    env
        The resolution.
    operator
        How they are combined.
    left, right
        The queries.
    node
        The second query as written, for errors.

    Returns
    -------
    typed.SetOperation
        The operation. Columns are called as on the left, have the type that holds both sides,
        and keep of their meaning what both sides agree on.

    Raises
    ------
    TypeMismatch
        When the queries differ in number or kinds of columns.
    """
    word = operator.value
    if len(left.fields) != len(right.fields):
        raise env.error(
            TypeMismatch,
            f"{word} combines queries with as many columns; these give {len(left.fields)} and "
            f"{len(right.fields)}",
            node,
        )
    fields = []
    nulls = zip(_nulls(left), _nulls(right), strict=True)
    pairs = zip(left.fields, right.fields, nulls, strict=True)
    for index, (first, second, (first_null, second_null)) in enumerate(pairs, 1):
        if second_null:
            field: Field | None = first
        elif first_null:
            field = second.renamed(first.name)
        else:
            field = _common(first, second)
        if field is None:
            kinds = f"{kind_of(first.type)} and {kind_of(second.type)}"
            message = f"{word} cannot put {kinds} into one column (column {index})"
            raise env.error(TypeMismatch, f"{message}; convert one with CAST", node)
        fields.append(field)
    kind, every = _OPERATORS[operator]
    return typed.SetOperation(kind, every, left, right, tuple(fields))


def _common(first: Field, second: Field) -> Field | None:
    value_type = common_type(first.type, second.type)
    if value_type is None:
        return None
    return Field(
        first.name,
        value_type,
        sum_unit(first.unit, second.unit),
        first.ucd if first.ucd == second.ucd else None,
        first.utype if first.utype == second.utype else None,
        first.description if first.description == second.description else None,
        first.frame if first.frame == second.frame else None,
    )


def _nulls(query: typed.Query) -> list[bool]:
    """Tell of each column whether it is the word NULL, which takes any type."""
    body = query.body
    if isinstance(body, typed.Select):
        return [is_null(output.expression) for output in body.outputs]
    both = zip(_nulls(body.left), _nulls(body.right), strict=True)
    return [left and right for left, right in both]
