"""Scopes: which column a name means, from the inside out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vo_service.adql import tree, typed
from vo_service.adql.errors import AmbiguousColumn, UnknownColumn, UnknownTable, UnsupportedFeature
from vo_service.adql.resolver.environment import Environment, NamedQuery
from vo_service.adql.resolver.sources import Frame, Source, Visible
from vo_service.adql.resolver.spelling import column_matches, near, quoted, shown

__all__ = ["Scope", "SubqueryResolver", "find_sources"]


@dataclass(slots=True)
class Scope:
    """Names that an expression can use.

    Attributes
    ----------
    frame
        FROM of the query that the expression stands in.
    parent
        Scope of the enclosing query, whose columns a sub-query in a condition can use.
    outputs
        Names of the SELECT list, known once it is resolved.
    outputs_usable
        Whether they serve where no column of FROM has the name (GROUP BY, HAVING, ORDER BY).
    """

    frame: Frame
    parent: Scope | None = None
    outputs: tuple[Visible, ...] = ()
    outputs_usable: bool = False

    def column(self, env: Environment, node: tree.ColumnReference) -> typed.Expression:
        """Find the column that a reference means.

        Parameters
        ----------
        env
            The resolution.
        node
            The reference.

        Returns
        -------
        typed.Expression
            The column, or what stands for it.

        Raises
        ------
        UnknownColumn
            When no table in scope has it.
        AmbiguousColumn
            When several have it.
        UnknownTable
            When its qualifier means no table in scope.
        UnsupportedFeature
            When its qualifier has a catalog.
        """
        if node.qualifier is not None:
            return self._qualified(env, node, node.qualifier)
        scope: Scope | None = self
        while scope is not None:
            found = scope.frame.find(node.column)
            if not found and scope.outputs_usable:
                found = [v for v in scope.outputs if column_matches(node.column, v.name)]
            if found:
                return _only(env, node, found, scope.frame)
            scope = scope.parent
        raise self._unknown(env, node)

    def _qualified(
        self, env: Environment, node: tree.ColumnReference, qualifier: tree.TableName
    ) -> typed.Expression:
        scope: Scope | None = self
        while scope is not None:
            sources = find_sources(env, scope.frame, qualifier)
            if sources:
                found = sources[0].find(node.column)
                if found:
                    return _only(env, node, found, sources[0])
                names = [quoted(v.name.name) for v in sources[0].columns()]
                raise env.error(
                    UnknownColumn,
                    f'Unknown column {shown([node.column])} in "{sources[0].exposed}"',
                    node,
                    near(node.column.name, names),
                )
            scope = scope.parent
        raise env.error(
            UnknownTable,
            f"{shown(qualifier.parts)} is no table of this FROM",
            node,
            near(qualifier.table.name, (s.exposed for s in self._all_sources())),
        )

    def _unknown(self, env: Environment, node: tree.ColumnReference) -> UnknownColumn:
        name = node.column.name
        if any(column_matches(node.column, v.name) for v in self.outputs):
            return env.error(
                UnknownColumn,
                f"{shown([node.column])} names a value of the SELECT list, which cannot be used "
                "here; repeat its expression",
                node,
            )
        candidates = near(name, self._all_names())
        if node.column.delimited and not candidates:
            text = name.replace("'", "''")
            return env.error(
                UnknownColumn,
                f"Unknown column {shown([node.column])}; text is written in single quotes: "
                f"'{text}'",
                node,
            )
        return env.error(UnknownColumn, f"Unknown column {shown([node.column])}", node, candidates)

    def _all_names(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            for visible in scope.frame.columns():
                yield quoted(visible.name.name)
            if scope.outputs_usable:
                for visible in scope.outputs:
                    yield quoted(visible.name.name)
            scope = scope.parent

    def _all_sources(self) -> Iterator[Source]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.frame.sources()
            scope = scope.parent


SubqueryResolver = Callable[[Environment, tree.QueryExpression, Scope | None], NamedQuery]
"""Resolves a query expression inside a scope, or inside none; handed down by `queries`."""


def find_sources(env: Environment, frame: Frame, qualifier: tree.TableName) -> list[Source]:
    """Find the table of a FROM that a qualifier means.

    Returns
    -------
    list[Source]
        The one, or nothing.

    Raises
    ------
    AmbiguousColumn
        When several tables have that name.
    UnsupportedFeature
        When the qualifier has a catalog.
    """
    if qualifier.catalog is not None:
        assert qualifier.schema is not None  # noqa: S101 - the grammar
        raise env.error(
            UnsupportedFeature,
            f'This service has no catalogs; write "{qualifier.schema.name}.{qualifier.table.name}"',
            qualifier,
        )
    found = [source for source in frame.sources() if source.answers(qualifier)]
    if len(found) > 1:
        raise env.error(
            AmbiguousColumn,
            f"{shown(qualifier.parts)} means several tables of this FROM; give each an alias",
            qualifier,
        )
    return found


def _only(
    env: Environment, node: tree.ColumnReference, found: list[Visible], frame: Frame
) -> typed.Expression:
    if len(found) == 1 or len({v.expression for v in found}) == 1:
        return found[0].expression
    raise env.error(
        AmbiguousColumn,
        f"Ambiguous column {shown([node.column])}",
        node,
        tuple(dict.fromkeys(_spellings(found, frame))),
    )


def _spellings(found: Iterable[Visible], frame: Frame) -> Iterator[str]:
    """Give what the user could write for each column that was found."""
    found = tuple(found)
    names = {v.name.name for v in found}
    exposed = {source.number: source.exposed for source in frame.sources()}
    for visible in found:
        # Two columns of one table that differ in case alone are told apart by delimiters.
        column = quoted(visible.name.name) if len(names) == 1 else f'"{visible.name.name}"'
        value = visible.expression
        owner = exposed.get(value.relation) if isinstance(value, typed.ColumnValue) else None
        yield f"{owner}.{column}" if owner and len(exposed) > 1 else column
