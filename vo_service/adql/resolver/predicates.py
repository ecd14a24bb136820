"""Truths: comparisons, lists, patterns, sub-queries and their combinations."""

from __future__ import annotations

from vo_service.adql import tree, typed
from vo_service.adql.errors import TypeMismatch
from vo_service.adql.functions.alignment import Misfit, align
from vo_service.adql.functions.arguments import is_null, retyped_null
from vo_service.adql.resolver.environment import Environment
from vo_service.adql.resolver.expressions import ExpressionResolver
from vo_service.adql.resolver.scopes import SubqueryResolver
from vo_service.adql.types import TEXT, Kind, kind_of

__all__ = ["PredicateResolver", "aligned"]


class PredicateResolver:
    """Resolves the conditions of one clause of a query.

    Parameters
    ----------
    expressions
        Resolver of the values of the clause.
    subquery
        Resolver of the queries in it.
    """

    __slots__ = ("_env", "_subquery", "expressions")

    def __init__(self, expressions: ExpressionResolver, subquery: SubqueryResolver) -> None:
        self.expressions = expressions
        self._env = expressions.env
        self._subquery = subquery

    def resolve(self, node: tree.Condition) -> typed.Predicate:
        """Resolve a condition.

        Parameters
        ----------
        node
            The condition as written.

        Returns
        -------
        typed.Predicate
            The condition, comparing values of one kind.

        Raises
        ------
        AdqlError
            One of its subclasses but the syntax error: a name, a function, a type or the size.
        """
        self._env.descend(node, 1)
        match node:
            case tree.Conjunction():
                truth: typed.Predicate = typed.And(tuple(map(self.resolve, node.operands)))
            case tree.Disjunction():
                truth = typed.Or(tuple(map(self.resolve, node.operands)))
            case tree.Negation():
                operand = self.resolve(node.operand)
                truth = typed.Not(operand)
                if isinstance(operand, typed.Exists):
                    truth = typed.Exists(operand.query, not operand.negated)
            case _:
                truth = self._test(node)
        self._env.depth -= 1
        return truth

    def _test(self, node: tree.Predicate) -> typed.Predicate:
        match node:
            case tree.Comparison():
                return self._comparison(node)
            case tree.Between():
                return self._between(node)
            case tree.InList():
                return self._in_list(node)
            case tree.InQuery():
                return self._in_query(node)
            case tree.Like():
                return self._like(node)
            case tree.IsNull():
                return typed.IsNull(self.expressions.resolve(node.operand), node.negated)
            case tree.Exists():
                found = self._subquery(self._env, node.query, self.expressions.scope)
                return typed.Exists(found.query)

    def _comparison(self, node: tree.Comparison) -> typed.Comparison:
        left = self.expressions.resolve(node.left)
        right = self.expressions.resolve(node.right)
        left, right = aligned(self._env, node, left, right)
        if node.operator not in ("=", "<>") and kind_of(left.field.type) is Kind.BOOLEAN:
            raise self._env.error(TypeMismatch, "Booleans are compared with = or <> only", node)
        return typed.Comparison(node.operator, left, right)

    def _between(self, node: tree.Between) -> typed.Between:
        operand = self.expressions.resolve(node.operand)
        operand, low = aligned(self._env, node, operand, self.expressions.resolve(node.low))
        operand, high = aligned(self._env, node, operand, self.expressions.resolve(node.high))
        # The first bound was folded beside the operand as it was then.
        low = aligned(self._env, node, operand, low)[1]
        if kind_of(operand.field.type) is Kind.BOOLEAN:
            raise self._env.error(TypeMismatch, "Booleans are compared with = or <> only", node)
        return typed.Between(operand, low, high, node.negated)

    def _in_list(self, node: tree.InList) -> typed.InList:
        operand = self.expressions.resolve(node.operand)
        values = []
        for item in node.items:
            operand, value = aligned(self._env, item, operand, self.expressions.resolve(item))
            values.append(value)
        if isinstance(operand, typed.Cast):
            # A literal operand took the kind of a later value.
            values = [aligned(self._env, node, operand, value)[1] for value in values]
        return typed.InList(operand, tuple(values), node.negated)

    def _in_query(self, node: tree.InQuery) -> typed.InQuery:
        operand = self.expressions.resolve(node.operand)
        query = self._subquery(self._env, node.query, self.expressions.scope).query
        fields = query.fields
        if len(fields) != 1:
            message = f"The query after IN gives {len(fields)} columns; it must give one"
            raise self._env.error(TypeMismatch, message, node.query)
        column = typed.ColumnValue(-1, "c0", fields[0])
        operand, _ = aligned(self._env, node, operand, column)
        return typed.InQuery(operand, query, node.negated)

    def _like(self, node: tree.Like) -> typed.Like:
        word = "ILIKE" if node.ignore_case else "LIKE"
        operand = self._text(node.operand, word)
        pattern = self._text(node.pattern, word)
        return typed.Like(operand, pattern, node.negated, node.ignore_case)

    def _text(self, node: tree.Expression, word: str) -> typed.Expression:
        value = self.expressions.resolve(node)
        if is_null(value):
            return retyped_null(TEXT)
        kind = kind_of(value.field.type)
        if kind is not Kind.TEXT:
            message = f"{word} takes text, not {kind}; convert with CAST(... AS VARCHAR)"
            raise self._env.error(TypeMismatch, message, node)
        return value


def aligned(
    env: Environment, node: tree.Node, left: typed.Expression, right: typed.Expression
) -> tuple[typed.Expression, typed.Expression]:
    """Bring two values to one kind that can be compared.

    Raises
    ------
    TypeMismatch
        When they are of different kinds, or arrays or shapes.
    """
    try:
        left, right = align(left, right)
    except Misfit as misfit:
        raise env.error(TypeMismatch, str(misfit), node) from None
    kind = kind_of(left.field.type)
    if not kind.is_comparable:
        advice = (
            "test shapes with CONTAINS, INTERSECTS or DISTANCE"
            if kind.is_geometry
            else "arrays can be selected, counted and tested with IS NULL"
        )
        raise env.error(TypeMismatch, f"{kind.capitalize()} cannot be compared; {advice}", node)
    return left, right
