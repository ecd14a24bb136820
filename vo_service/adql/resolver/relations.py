"""FROM: tables by name, queries as tables, and joins."""

from __future__ import annotations

from dataclasses import dataclass

from registry.model.field import Field
from registry.model.table import Table
from vo_service.adql import tree, typed
from vo_service.adql.errors import AmbiguousColumn, UnknownTable, UnsupportedFeature
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.expressions import ExpressionResolver
from vo_service.adql.resolver.merging import common_names, merge_columns
from vo_service.adql.resolver.predicates import PredicateResolver
from vo_service.adql.resolver.scopes import Scope, SubqueryResolver
from vo_service.adql.resolver.sources import Frame, JoinFrame, QuerySource, TableSource
from vo_service.adql.resolver.spelling import near, shown, table_matches
from vo_service.adql.types import INT

__all__ = ["FromResolver"]

_ONE = typed.Constant(1, Field("", INT))
_ALWAYS = typed.Comparison("=", _ONE, _ONE)


@dataclass(frozen=True, slots=True)
class Item:
    """An item of FROM: what is printed, and what names mean."""

    relation: typed.Relation
    frame: Frame


class FromResolver:
    """Resolves the FROM clause of one query.

    Parameters
    ----------
    env
        The resolution.
    parent
        Scope of the enclosing query, for ON conditions.
    subquery
        Resolver of the queries in it.
    """

    __slots__ = ("_env", "_parent", "_subquery")

    def __init__(self, env: Environment, parent: Scope | None, subquery: SubqueryResolver) -> None:
        self._env = env
        self._parent = parent
        self._subquery = subquery

    def resolve(
        self, nodes: tuple[tree.TableReference, ...]
    ) -> tuple[tuple[typed.Relation, ...], Frame]:
        """Resolve the items of FROM.

        Parameters
        ----------
        nodes
            Items, joined by commas.

        Returns
        -------
        tuple[tuple[typed.Relation, ...], Frame]
            The relations, and the names that the other clauses can use.

        Raises
        ------
        AdqlError
            One of its subclasses but the syntax error: a table, a column, a type or the size.
        """
        items = [self._item(node) for node in nodes]
        frame = items[0].frame
        for item in items[1:]:
            frame = JoinFrame(frame, item.frame)
        self._check_names(frame, nodes[0])
        return tuple(item.relation for item in items), frame

    def _item(self, node: tree.TableReference) -> Item:
        match node:
            case tree.NamedTable():
                return self._named(node)
            case tree.DerivedTable():
                found = self._subquery(self._env, node.query, None)
                number = self._env.number()
                source = QuerySource(number, node.alias, found.names, found.query.fields)
                return Item(typed.DerivedRelation(number, found.query), source)
            case tree.JoinedTable():
                return self._joined(node)

    def _named(self, node: tree.NamedTable) -> Item:
        name = node.name
        if name.schema is None:
            for common in self._env.commons:
                if table_matches(name.table, common.written):
                    number = self._env.number()
                    source = QuerySource(
                        number, node.alias or common.written, common.names, common.fields
                    )
                    return Item(typed.CommonTableRelation(number, common.name), source)
        table = find_table(self._env, name)
        self._env.used.setdefault(table.name, table)
        number = self._env.number()
        return Item(typed.TableRelation(number, table), TableSource(number, table, node.alias))

    def _joined(self, node: tree.JoinedTable) -> Item:
        left, right = self._item(node.left), self._item(node.right)
        kind = typed.JoinKind(node.kind.value)
        names = node.using
        if node.natural:
            names = common_names(node, left.frame, right.frame)
        if names:
            merged = merge_columns(self._env, kind, names, left.frame, right.frame)
            relation = typed.Join(kind, left.relation, right.relation, merged.condition)
            frame = JoinFrame(left.frame, right.frame, merged.columns, merged.hidden)
            return Item(relation, frame)
        frame = JoinFrame(left.frame, right.frame)
        condition = None
        if node.condition is not None:
            scope = Scope(frame, self._parent)
            expressions = ExpressionResolver(self._env, scope, "ON")
            condition = PredicateResolver(expressions, self._subquery).resolve(node.condition)
        elif kind is not typed.JoinKind.CROSS:
            # NATURAL without a common column is a cross product (SQL92, 7.5).
            condition = _ALWAYS
        return Item(typed.Join(kind, left.relation, right.relation, condition), frame)

    def _check_names(self, frame: Frame, node: tree.Node) -> None:
        """Refuse two tables that no qualifier can tell apart."""
        seen: set[str] = set()
        for source in frame.sources():
            alias = source.alias
            key = alias.name if alias and alias.delimited else source.exposed.lower()
            if key in seen:
                message = f'Several tables of this FROM are called "{source.exposed}"'
                raise self._env.error(
                    AmbiguousColumn, f"{message}; give them different aliases", node
                )
            seen.add(key)


def find_table(env: Environment, name: tree.TableName) -> Table:
    """Find the table that a name means.

    Parameters
    ----------
    env
        The resolution.
    name
        ``schema.table``, or the table alone where one schema has it.

    Returns
    -------
    Table
        The table.

    Raises
    ------
    UnknownTable
        When there is none, or several schemas have one.
    UnsupportedFeature
        When the name has a catalog.
    """
    if name.catalog is not None and name.schema is not None:
        raise env.error(
            UnsupportedFeature,
            f'This service has no catalogs; write "{name.schema.name}.{name.table.name}"',
            name,
        )
    found = _candidates(env, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise env.error(
            UnknownTable,
            f"Several schemas have a table {shown(name.parts)}",
            name,
            tuple(table.name for table in found[:5]),
        )
    suggestions = _suggestions(env, name)
    advice = "" if suggestions else "; TAP_SCHEMA.tables lists what is there"
    raise env.error(UnknownTable, f"Unknown table {shown(name.parts)}{advice}", name, suggestions)


def _candidates(env: Environment, name: tree.TableName) -> tuple[Table, ...]:
    key = name.table.name.lower()
    if name.schema is None:
        found = env.tables.by_bare_name.get(key, ())
    else:
        table = env.tables.by_name.get((name.schema.name.lower(), key))
        found = () if table is None else (table,)
        if name.schema.delimited:
            found = tuple(t for t in found if t.schema_name == name.schema.name)
    if name.table.delimited:
        found = tuple(t for t in found if t.table_name == name.table.name)
    return found


def _suggestions(env: Environment, name: tree.TableName) -> tuple[str, ...]:
    """Give tables of a similar name, in any schema, and common tables."""
    written = ".".join(part.name for part in name.parts)
    whole = near(written, [*(t.name for t in env.tables), *(c.written.name for c in env.commons)])
    if whole and name.schema is not None:
        return whole
    bare = near(name.table.name, env.tables.by_bare_name)
    named = [t.name for key in bare for t in env.tables.by_bare_name[key]]
    return tuple(dict.fromkeys([*named, *whole]))[:3]
