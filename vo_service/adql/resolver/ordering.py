"""ORDER BY: positions and names of outputs, and expressions."""

from __future__ import annotations

from collections.abc import Callable

from vo_service.adql import tree, typed
from vo_service.adql.errors import AmbiguousColumn, TypeMismatch, UnknownColumn
from vo_service.adql.functions.arguments import is_literal
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.expressions import ExpressionResolver
from vo_service.adql.resolver.sources import Visible
from vo_service.adql.resolver.spelling import column_matches, shown
from vo_service.adql.types import kind_of

__all__ = ["resolve_order"]


def resolve_order(
    env: Environment,
    terms: tuple[tree.OrderTerm, ...],
    outputs: tuple[Visible, ...],
    expressions: ExpressionResolver,
    accept: Callable[[typed.Expression, tree.Node], None],
) -> tuple[typed.OrderKey, ...]:
    """Resolve ORDER BY.

    Parameters
    ----------
    env
        The resolution.
    terms
        The keys as written.
    outputs
        Columns of the query.
    expressions
        Resolver of keys that name no output.
    accept
        Raises where an expression that is no output cannot order the query.

    Returns
    -------
    tuple[typed.OrderKey, ...]
        The keys; a key that is an output is given by position, a constant is left out.

    Raises
    ------
    UnknownColumn
        When a position is out of range, or a name is unknown.
    AmbiguousColumn
        When a name means several outputs.
    TypeMismatch
        When values have no order.

    Notes
    -----
    ADQL 2.1, section 2.2.2: a name means an output first, then a column of FROM.
    """
    values = [visible.expression for visible in outputs]
    keys: list[typed.OrderKey] = []
    for term in terms:
        key = _output(env, term.key, outputs)
        if key is None and not isinstance(term.key, tree.ColumnPosition):
            value = expressions.resolve(term.key)
            if is_literal(value):
                continue
            key = values.index(value) if value in values else value
            if not isinstance(key, int):
                accept(key, term.key)
        if key is None:
            continue
        kind = kind_of((values[key] if isinstance(key, int) else key).field.type)
        if not kind.is_comparable:
            raise env.error(TypeMismatch, f"{kind.capitalize()} have no order", term.key)
        keys.append(typed.OrderKey(key, term.descending))
    return tuple(keys)


def _output(
    env: Environment, key: tree.Expression | tree.ColumnPosition, outputs: tuple[Visible, ...]
) -> int | typed.Expression | None:
    """Give the output that a key means, or None where it is an expression."""
    if isinstance(key, tree.ColumnPosition):
        if not 1 <= key.number <= len(outputs):
            plural = "s" if len(outputs) > 1 else ""
            raise env.error(
                UnknownColumn,
                f"ORDER BY {key.number} is out of range; the query has {len(outputs)} "
                f"column{plural}",
                key,
            )
        return key.number - 1
    if not isinstance(key, tree.ColumnReference) or key.qualifier is not None:
        return None
    found = [i for i, v in enumerate(outputs) if column_matches(key.column, v.name)]
    if len({outputs[index].expression for index in found}) > 1:
        raise env.error(
            AmbiguousColumn,
            f"ORDER BY {shown([key.column])} means several columns of the result; use a position",
            key,
        )
    return found[0] if found else None
