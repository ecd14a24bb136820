"""Queries: the clauses of SELECT, set operations, WITH, and the whole."""

from __future__ import annotations

from dataclasses import replace

from registry.model.table import TableSet
from vo_service.adql import tree, typed
from vo_service.adql.errors import AmbiguousColumn, TypeMismatch, UnsupportedFeature
from vo_service.adql.functions.arguments import is_literal
from vo_service.adql.limits import DEFAULT_LIMITS, Limits
from vo_service.adql.resolver.environment import CommonSource, Environment, NamedQuery
from vo_service.adql.resolver.expressions import ExpressionResolver
from vo_service.adql.resolver.grouping import GroupCheck, contains_aggregate
from vo_service.adql.resolver.ordering import resolve_order
from vo_service.adql.resolver.outputs import as_result, resolve_items
from vo_service.adql.resolver.predicates import PredicateResolver
from vo_service.adql.resolver.relations import FromResolver
from vo_service.adql.resolver.scopes import Scope
from vo_service.adql.resolver.sets import combine_queries
from vo_service.adql.resolver.sources import QuerySource, Visible
from vo_service.adql.resolver.spelling import shown, table_matches
from vo_service.adql.types import kind_of

__all__ = ["resolve"]


def resolve(
    query: tree.Query, tables: TableSet, source: str, limits: Limits = DEFAULT_LIMITS
) -> typed.Query:
    """Look up the names of a query, and work out what its columns are.

    Parameters
    ----------
    query
        The query as the parser read it.
    tables
        Everything that the caller may query.
    source
        Text of the query, for lines and columns of errors.
    limits
        Of the number of columns; the other ones are for `vo_service.adql.bounds`.

    Returns
    -------
    typed.Query
        The query as engines print it.

    Raises
    ------
    UnknownTable
        When a table, or a qualifier of a column, is not there.
    UnknownColumn
        When no table in scope has a column.
    AmbiguousColumn
        When a name means several columns or tables.
    UnknownFunction
        When a function is not offered.
    UnsupportedFeature
        When something is valid ADQL and not offered.
    TypeMismatch
        When values, units or arguments do not go together.
    QueryTooComplex
        When expressions nest too deep, or a SELECT has too many columns.
    """
    env = Environment(source, tables, limits)
    common_tables = tuple(_common_table(env, node) for node in query.common_tables)
    found = as_result(resolve_query(env, query.body, None).query)
    return replace(found, with_=common_tables, tables=tuple(env.used.values()))


def resolve_query(env: Environment, node: tree.QueryExpression, parent: Scope | None) -> NamedQuery:
    """Resolve a query expression.

    Parameters
    ----------
    env
        The resolution.
    node
        The query expression as written.
    parent
        Scope of the enclosing query where its columns can be used.

    Returns
    -------
    NamedQuery
        The query, and the names that an enclosing query uses for its columns.

    Raises
    ------
    AdqlError
        As `resolve`.
    """
    if isinstance(node, tree.Select):
        return _select(env, node, parent)
    return _set_operation(env, node, parent)


def _common_table(env: Environment, node: tree.CommonTable) -> typed.CommonTable:
    found = resolve_query(env, node.query, None)
    names = found.names
    if node.columns:
        if len(node.columns) != len(names):
            message = (
                f"{shown([node.name])} names {len(node.columns)} columns; "
                f"its query gives {len(names)}"
            )
            raise env.error(TypeMismatch, message, node.columns[0])
        names = node.columns
    if any(table_matches(node.name, common.written) for common in env.commons):
        message = f"WITH has two tables {shown([node.name])}; give them different names"
        raise env.error(AmbiguousColumn, message, node)
    fields = tuple(
        field.renamed(name.name) for field, name in zip(found.query.fields, names, strict=True)
    )
    generated = f"w{len(env.commons)}"
    env.commons.append(CommonSource(node.name, generated, names, fields))
    return typed.CommonTable(generated, found.query)


def _select(env: Environment, node: tree.Select, parent: Scope | None) -> NamedQuery:
    relations, frame = FromResolver(env, parent, resolve_query).resolve(node.tables)
    selected = ExpressionResolver(env, Scope(frame, parent))
    columns = resolve_items(env, node.items, frame, selected)
    where = None
    if node.where is not None:
        scope = Scope(frame, parent, columns.values)
        where = PredicateResolver(ExpressionResolver(env, scope, "WHERE"), resolve_query).resolve(
            node.where
        )
    grouped = Scope(frame, parent, columns.values, outputs_usable=True)
    group_by = _group_by(env, node, grouped)
    later = ExpressionResolver(env, grouped)
    having = None
    if node.having is not None:
        having = PredicateResolver(later, resolve_query).resolve(node.having)
    loose: list[tuple[typed.Expression, tree.Node]] = []
    order_by = resolve_order(
        env, node.order_by, columns.values, later, lambda value, key: loose.append((value, key))
    )
    if node.distinct and loose:
        message = "ORDER BY of SELECT DISTINCT takes values of the SELECT list; add this one"
        raise env.error(UnsupportedFeature, message, loose[0][1])
    if group_by or having is not None or selected.aggregated or later.aggregated:
        check = GroupCheck(env, group_by, frame)
        for output, item in zip(columns.outputs, columns.nodes, strict=True):
            check.require(output.expression, item)
        if having is not None and node.having is not None:
            check.require(having, node.having)
        for value, key in loose:
            check.require(value, key)
    body = typed.Select(
        columns.outputs, relations, where, group_by, having, node.distinct, node.top
    )
    names = tuple(visible.name for visible in columns.values)
    return NamedQuery(typed.Query(body, order_by, node.offset), names)


def _group_by(env: Environment, node: tree.Select, scope: Scope) -> tuple[typed.Expression, ...]:
    keys = []
    expressions = ExpressionResolver(env, scope, "GROUP BY")
    for written in node.group_by:
        key = expressions.resolve(written)
        if is_literal(key):
            message = "GROUP BY takes no positions and no constants; write the expression itself"
            raise env.error(UnsupportedFeature, message, written)
        if contains_aggregate(key):
            message = "GROUP BY takes no aggregates; this name stands for one"
            raise env.error(TypeMismatch, message, written)
        kind = kind_of(key.field.type)
        if not kind.is_comparable:
            raise env.error(TypeMismatch, f"GROUP BY does not take {kind}", written)
        keys.append(key)
    return tuple(keys)


def _set_operation(env: Environment, node: tree.SetOperation, parent: Scope | None) -> NamedQuery:
    first, *others = (resolve_query(env, operand, parent) for operand in node.operands)
    query = first.query
    for operator, other, operand in zip(node.operators, others, node.operands[1:], strict=True):
        query = typed.Query(combine_queries(env, operator, query, other.query, operand))
    if not node.order_by and node.offset is None:
        return NamedQuery(query, first.names)
    number = env.number()
    source = QuerySource(number, tree.Identifier("", delimited=True), first.names, query.fields)
    columns = tuple(source.columns())
    loose: list[typed.Expression] = []
    order_by = resolve_order(
        env,
        node.order_by,
        columns,
        ExpressionResolver(env, Scope(source), "ORDER BY of a set operation"),
        lambda value, _: loose.append(value),
    )
    if others and not loose:
        return NamedQuery(replace(query, order_by=order_by, offset=node.offset), first.names)
    body = _everything(query, number, columns)
    return NamedQuery(typed.Query(body, order_by, node.offset), first.names)


def _everything(query: typed.Query, number: int, columns: tuple[Visible, ...]) -> typed.Select:
    """Select all columns of a query, so that it can be ordered and cut once more."""
    outputs = tuple(typed.Output(v.expression, v.expression.field) for v in columns)
    return typed.Select(outputs, (typed.DerivedRelation(number, query),))
