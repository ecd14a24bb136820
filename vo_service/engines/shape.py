"""What a query has in common with others that take about as long: its shape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from registry.model.table import Table
from vo_service.adql.typed import (
    And,
    DerivedRelation,
    Exists,
    InQuery,
    Join,
    Predicate,
    Query,
    Select,
    SetOperation,
    TableRelation,
)
from vo_service.engines.spatial import (
    IndexedColumns,
    constant_number,
    constant_shape,
    enclosure,
    indexed_point,
    proximity,
)

__all__ = ["UPLOAD_SCHEMA", "query_shape"]

UPLOAD_SCHEMA = "TAP_UPLOAD"
"""Schema of the tables that come with a query (TAP 1.1, section 2.7.6)."""


def query_shape(query: Query, rows_max: int | None) -> str:
    """Say what a query has in common with others that take about as long.

    Parameters
    ----------
    query
        Resolved.
    rows_max
        Rows of the result at most, where that is limited.

    Returns
    -------
    str
        The kinds of its work, and the orders of magnitude of the rows that it reads and gives,
        in powers of four.
    """
    kinds: set[str] = set()
    rows = 0.0
    for node in _nodes(query):
        if isinstance(node, Select):
            rows += _rows_read(node, kinds)
            kinds.update(word for word, there in _select_kinds(node) if there)
        elif isinstance(node, SetOperation):
            kinds.add("set")
        elif isinstance(node, DerivedRelation | Exists | InQuery):
            kinds.add("subquery")
        elif isinstance(node, Query) and node.order_by:
            kinds.add("order")
    if any(table.schema_name == UPLOAD_SCHEMA for table in query.tables):
        kinds.add("upload")
    top = query.body.top if isinstance(query.body, Select) else None
    bounds = [math.inf if bound is None else bound for bound in (rows_max, top)]
    given = min(rows, *bounds)
    words = "+".join(sorted(kinds)) or "scan"
    return f"{words} {_magnitude(rows)} {_magnitude(given)}"


def _select_kinds(node: Select) -> Iterator[tuple[str, bool]]:
    yield "group", bool(node.group_by)
    yield "distinct", node.distinct
    yield "join", len(node.relations) > 1 or any(isinstance(r, Join) for r in node.relations)


def _rows_read(node: Select, kinds: set[str]) -> float:
    """Add up the rows of a SELECT's tables, as far as its conditions find them by the index."""
    tables = {r.number: r.table for r in _relations(node.relations)}
    positions = {
        number: IndexedColumns(table.position.ra, table.position.dec, "", table.nrows or 0)
        for number, table in tables.items()
        if table.position is not None
    }
    part = dict.fromkeys(tables, 1.0)
    for condition in _conditions(node):
        near = proximity(condition)
        if near is not None:
            radius_deg = constant_number(near.radius_deg)
            first, second = (indexed_point(p, positions) for p in (near.left, near.right))
            fixed = [constant_shape(p) is not None for p in (near.left, near.right)]
            found = first or second
            kinds.add("cone" if any(fixed) else "crossmatch")
            if found is not None and any(fixed) and radius_deg is not None:
                part[found.relation] = min(part[found.relation], _cap(radius_deg))
        elif enclosure(condition) is not None:
            kinds.add("region")
    return sum((table.nrows or 0) * part[number] for number, table in tables.items())


def _relations(relations: Sequence[Any]) -> Iterator[TableRelation]:
    for relation in relations:
        if isinstance(relation, TableRelation):
            yield relation
        elif isinstance(relation, Join):
            yield from _relations((relation.left, relation.right))


def _conditions(node: Select) -> Iterator[Predicate]:
    found = [node.where] + [r.condition for r in node.relations if isinstance(r, Join)]
    while found:
        condition = found.pop()
        if isinstance(condition, And):
            found.extend(condition.operands)
        elif condition is not None:
            yield condition


def _cap(radius_deg: float) -> float:
    """Give the part of the sky within a radius."""
    return (1 - math.cos(math.radians(min(max(radius_deg, 0.0), 180.0)))) / 2


def _magnitude(rows: float) -> int:
    return 0 if rows < 1 else 1 + round(math.log(rows, 4))


def _nodes(node: Any) -> Iterator[Any]:  # noqa: ANN401 - any node of the tree
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(node)
        elif is_dataclass(node) and not isinstance(node, Table):
            yield node
            stack.extend(getattr(node, field.name) for field in fields(node))
