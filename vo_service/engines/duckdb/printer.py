"""Typed queries in DuckDB's SQL."""

from __future__ import annotations

from typing import assert_never

from registry.model.field import Field
from vo_service.adql.typed import (
    CommonTable,
    CommonTableRelation,
    DerivedRelation,
    Expression,
    Join,
    JoinKind,
    OrderKey,
    Query,
    Relation,
    Select,
    SetOperation,
    TableRelation,
)
from vo_service.engines.base import Statement
from vo_service.engines.bounds import rows_at_most
from vo_service.engines.context import Context, quoted
from vo_service.engines.duckdb.expressions import expression, sql_type, value
from vo_service.engines.duckdb.predicates import predicate
from vo_service.engines.duckdb.zones import Zones
from vo_service.engines.exposure import (
    HIDDEN_CELLS,
    exposed_position,
    is_grouped,
    plain_relations,
)
from vo_service.engines.spatial import IndexedColumns

__all__ = ["database_name", "print_statement"]


def database_name(file: str) -> str:
    """Name under which a table file is attached."""
    return file.rsplit(".", 1)[0]


def print_statement(query: Query, row_limit: int | None) -> Statement:
    """Print a query.

    Parameters
    ----------
    query
        The outermost query.
    row_limit
        At most so many rows are wanted.
    """
    context = Context(_query, expression, value)
    sql = _query(query, context, row_limit)
    rows = rows_at_most(query, row_limit)
    return Statement(sql, context.parameters, query.fields, query.tables, rows)


def _query(
    query: Query, context: Context, row_limit: int | None = None, *, exposing: bool = False
) -> str:
    parts = []
    if query.with_:
        parts.append("WITH " + ", ".join(_common_table(table, context) for table in query.with_))
    top = None
    context.exposed = None
    if isinstance(query.body, Select):
        parts.append(_select(query.body, context, exposing=exposing))
        top = query.body.top
    else:
        parts.append(_set_operation(query.body, context))
    if query.order_by:
        parts.append("ORDER BY " + ", ".join(_order_key(key, context) for key in query.order_by))
    limits = [limit for limit in (top, row_limit) if limit is not None]
    if limits:
        parts.append(f"LIMIT {min(limits)}")
    if query.offset:
        parts.append(f"OFFSET {query.offset}")
    return " ".join(parts)


def _order_key(key: OrderKey, context: Context) -> str:
    what = str(key.key + 1) if isinstance(key.key, int) else value(key.key, context)
    return f"{what} {'DESC' if key.descending else 'ASC'} NULLS LAST"


def _common_table(table: CommonTable, context: Context) -> str:
    text = _query(table.query, context, exposing=True)
    if context.exposed is not None:
        context.common_positions[table.name] = context.exposed
    return f"{table.name} AS ({text})"


def _select(select: Select, context: Context, *, exposing: bool = False) -> str:
    zones = Zones.of(select)
    relations = ", ".join(_relation(relation, context, zones) for relation in select.relations)
    _identify_rows(select, context)
    conditions = zones.conditions(None, context)
    if select.where is not None:
        conditions.append(predicate(select.where, context))
    context.grouped = is_grouped(select)
    outputs = ", ".join(
        f"{_output(output.expression, output.field, context)} AS c{number}"
        for number, output in enumerate(select.outputs)
    )
    exposed = exposed_position(select, context.positions) if exposing else None
    if exposed is not None:
        outputs += f", {exposed.source} AS {quoted(HIDDEN_CELLS)}"
    parts = [f"SELECT {'DISTINCT ' if select.distinct else ''}{outputs} FROM {relations}"]
    if conditions:
        parts.append("WHERE " + " AND ".join(conditions))
    if select.group_by:
        parts.append("GROUP BY " + ", ".join(value(each, context) for each in select.group_by))
    if select.having is not None:
        parts.append("HAVING " + predicate(select.having, context))
    context.exposed = None if exposed is None else exposed.columns
    return " ".join(parts)


def _identify_rows(select: Select, context: Context) -> None:
    """Tell the context what tells the rows of a SELECT apart."""
    keys = []
    for relation in plain_relations(select):
        order = relation.table.order if isinstance(relation, TableRelation) else None
        alias = f"r{relation.number}"
        keys.append(alias if order is None else f"{alias}.{quoted(order)}")
    context.row_keys = tuple(keys)
    context.grouped = False


def _output(node: Expression, result: Field, context: Context) -> str:
    text = value(node, context)
    if node.field.type.arrow == result.type.arrow:
        return text
    return f"CAST({text} AS {sql_type(result.type)})"


def _relation(relation: Relation, context: Context, zones: Zones) -> str:
    if isinstance(relation, Join):
        return _join(relation, context, zones)
    text = _plain_relation(relation, context)
    return zones.prepared(
        relation.number, text, context, lambda other: _plain_relation(other, context)
    )


def _plain_relation(relation: Relation, context: Context) -> str:
    match relation:
        case TableRelation(number=number, table=table):
            position = table.position
            if position is not None:
                context.positions[number] = IndexedColumns(
                    position.ra, position.dec, position.healpix, table.nrows or 0
                )
            text = quoted(table.storage.relation)
            if table.storage.file is not None:
                text = f"{quoted(database_name(table.storage.file))}.main.{text}"
        case DerivedRelation(number=number, query=query):
            text = f"({_query(query, context, exposing=True)})"
            if context.exposed is not None:
                context.positions[number] = context.exposed
        case CommonTableRelation(number=number, name=name):
            if name in context.common_positions:
                context.positions[number] = context.common_positions[name]
            text = name
        case Join():
            msg = "a join has no name"
            raise AssertionError(msg)
        case _:
            assert_never(relation)
    return text


def _join(join: Join, context: Context, zones: Zones) -> str:
    left = _relation(join.left, context, zones)
    right = _relation(join.right, context, zones)
    if join.condition is None:
        return f"({left} CROSS JOIN {right})"
    kind = "INNER" if join.kind is JoinKind.CROSS else str(join.kind)
    conditions = [*zones.conditions(join, context), predicate(join.condition, context)]
    return f"({left} {kind} JOIN {right} ON {' AND '.join(conditions)})"


def _set_operation(operation: SetOperation, context: Context) -> str:
    left, right = (
        _operand(query, operation.fields, context) for query in (operation.left, operation.right)
    )
    every = " ALL" if operation.every else ""
    return f"{left} {operation.kind}{every} {right}"


def _operand(query: Query, fields: tuple[Field, ...], context: Context) -> str:
    text = f"({_query(query, context)})"
    if all(a.type.arrow == b.type.arrow for a, b in zip(query.fields, fields, strict=True)):
        return text
    outputs = ", ".join(
        f"CAST(c{number} AS {sql_type(field.type)}) AS c{number}"
        for number, field in enumerate(fields)
    )
    return f"(SELECT {outputs} FROM {text})"
