"""Typed predicates in DuckDB's SQL."""

from __future__ import annotations

from typing import assert_never

from vo_service.adql.typed import (
    And,
    Between,
    Comparison,
    Exists,
    InList,
    InQuery,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
)
from vo_service.engines.context import Context
from vo_service.engines.duckdb.comparison import compared, sought
from vo_service.engines.duckdb.expressions import value
from vo_service.engines.duckdb.geometry import separation_test
from vo_service.engines.duckdb.shapes import point_coordinates
from vo_service.engines.index import index_condition, moc_condition
from vo_service.engines.spatial import Separation, separation

__all__ = ["predicate"]


def predicate(node: Predicate, context: Context) -> str:
    """Print a predicate.

    Parameters
    ----------
    node
        Typed predicate.
    context
        Of the query.
    """
    match node:
        case Comparison():
            return _comparison(node, context)
        case Between():
            return _between(node, context)
        case InList(operand=operand, values=values):
            first, *listed = compared((operand, *values), context)
            return f"({first} {_not(node.negated)}IN ({', '.join(listed)}))"
        case InQuery(operand=operand, query=query):
            inner = context.query(query)
            return f"({sought(operand, query, context)} {_not(node.negated)}IN ({inner}))"
        case Like():
            return _like(node, context)
        case IsNull(operand=operand):
            return f"({value(operand, context)} IS {_not(node.negated)}NULL)"
        case Exists(query=query):
            return f"({_not(node.negated)}EXISTS ({context.query(query)}))"
        case And(operands=operands):
            return "(" + " AND ".join(predicate(each, context) for each in operands) + ")"
        case Or(operands=operands):
            return "(" + " OR ".join(predicate(each, context) for each in operands) + ")"
        case Not(operand=inner_predicate):
            return f"(NOT {predicate(inner_predicate, context)})"
        case _:
            assert_never(node)


def _not(negated: bool) -> str:
    return "NOT " if negated else ""


def _comparison(node: Comparison, context: Context) -> str:
    covered = moc_condition(node, context)
    if covered is not None:
        return covered
    test = separation(node)
    if test is not None:
        return _narrowed(node, _separation(test, context), context)
    left, right = compared((node.left, node.right), context)
    exact = f"({left} {node.operator} {right})"
    return _narrowed(node, exact, context)


def _between(node: Between, context: Context) -> str:
    test = separation(node)
    if test is not None:
        return _narrowed(node, _separation(test, context), context)
    inner, least, most = compared((node.operand, node.low, node.high), context)
    exact = f"({inner} {_not(node.negated)}BETWEEN {least} AND {most})"
    return _narrowed(node, exact, context)


def _separation(test: Separation, context: Context) -> str:
    return separation_test(
        point_coordinates(test.left, context),
        point_coordinates(test.right, context),
        test.radius_deg,
        lambda: value(test.radius_deg, context),
        strict=test.strict,
    )


def _narrowed(node: Predicate, exact: str, context: Context) -> str:
    """Put what the index says before the exact test."""
    ranges = index_condition(node, context)
    return exact if ranges is None else f"({ranges} AND {exact})"


def _like(node: Like, context: Context) -> str:
    operator = "ILIKE" if node.fold_case else "LIKE"
    operand, pattern = value(node.operand, context), value(node.pattern, context)
    # ADQL has no escape character; DuckDB has none either unless it is asked for.
    return f"({operand} {_not(node.negated)}{operator} {pattern})"
