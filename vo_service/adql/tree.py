"""Syntax tree of an ADQL 2.1 query: what was written, before names are looked up.

Nodes are frozen and compare by content: two nodes are equal when they say the same, wherever in
the text they stand (spans do not take part). Values (`Expression`) and truths (`Condition`) are
separate unions, as in the grammar: a function call is never a condition by itself.

Chains are flat. ``a AND b AND c``, ``1 + 2 - 3``, ``x || y || z`` and ``q1 UNION q2 EXCEPT q3``
are one node each with many operands, evaluated from left to right, so a pass that recurses over
the tree goes no deeper than the parentheses that the user wrote (see
`vo_service.adql.limits.Limits.depth`). Joins alone nest to the left; `Limits.tables` bounds them.
Parentheses are not nodes: the shape of the tree says them.

Notes
-----
ADQL 2.1, Appendix A (grammar). Names in this module follow its productions where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from vo_service.adql.values import (
    NOWHERE,
    Arithmetic,
    ArithmeticOperator,
    Cast,
    CastTarget,
    CastType,
    ColumnReference,
    Concatenation,
    Expression,
    FunctionCall,
    Identifier,
    Node,
    NullLiteral,
    NumericLiteral,
    Sign,
    SignedExpression,
    Span,
    StringLiteral,
    TableName,
)

__all__ = [
    "NOWHERE",
    "AllColumns",
    "Arithmetic",
    "ArithmeticOperator",
    "Between",
    "Cast",
    "CastTarget",
    "CastType",
    "ColumnPosition",
    "ColumnReference",
    "CommonTable",
    "Comparison",
    "ComparisonOperator",
    "Concatenation",
    "Condition",
    "Conjunction",
    "DerivedColumn",
    "DerivedTable",
    "Disjunction",
    "Exists",
    "Expression",
    "FunctionCall",
    "Identifier",
    "InList",
    "InQuery",
    "IsNull",
    "JoinKind",
    "JoinedTable",
    "Like",
    "NamedTable",
    "Negation",
    "Node",
    "NullLiteral",
    "NumericLiteral",
    "OrderTerm",
    "Predicate",
    "Query",
    "QueryExpression",
    "Select",
    "SelectItem",
    "SetOperation",
    "SetOperator",
    "Sign",
    "SignedExpression",
    "Span",
    "StringLiteral",
    "TableName",
    "TableReference",
]


# Truths

ComparisonOperator: TypeAlias = Literal["=", "<>", "<", ">", "<=", ">="]
"""Operator between two values; ``!=`` is read as ``<>``."""


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """``left operator right``.

    Attributes
    ----------
    left
        First value.
    operator
        How they are compared.
    right
        Second value.
    """

    left: Expression
    operator: ComparisonOperator
    right: Expression


@dataclass(frozen=True, slots=True)
class Between(Node):
    """``operand [NOT] BETWEEN low AND high``.

    Attributes
    ----------
    operand
        Value that is tested.
    low, high
        Bounds, both included.
    negated
        Whether NOT was written.
    """

    operand: Expression
    low: Expression
    high: Expression
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InList(Node):
    """``operand [NOT] IN (item, ...)``.

    Attributes
    ----------
    operand
        Value that is tested.
    items
        One value or more.
    negated
        Whether NOT was written.
    """

    operand: Expression
    items: tuple[Expression, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InQuery(Node):
    """``operand [NOT] IN (query)``.

    Attributes
    ----------
    operand
        Value that is tested.
    query
        Query that gives the values.
    negated
        Whether NOT was written.
    """

    operand: Expression
    query: QueryExpression
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like(Node):
    """``operand [NOT] LIKE pattern`` or ``ILIKE``.

    Attributes
    ----------
    operand
        String that is tested.
    pattern
        Pattern with ``%`` and ``_``.
    negated
        Whether NOT was written.
    ignore_case
        Whether it is ILIKE.
    """

    operand: Expression
    pattern: Expression
    negated: bool = False
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """``operand IS [NOT] NULL``.

    Attributes
    ----------
    operand
        Column that is tested (the grammar has nothing else here).
    negated
        Whether NOT was written.
    """

    operand: ColumnReference
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """``EXISTS (query)``.

    Attributes
    ----------
    query
        Query that must give a row.
    """

    query: QueryExpression


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """``NOT operand``.

    Attributes
    ----------
    operand
        Condition that must not hold.
    """

    operand: Condition


@dataclass(frozen=True, slots=True)
class Conjunction(Node):
    """Conditions joined by AND.

    Attributes
    ----------
    operands
        Two conditions or more.
    """

    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Disjunction(Node):
    """Conditions joined by OR.

    Attributes
    ----------
    operands
        Two conditions or more.
    """

    operands: tuple[Condition, ...]


Predicate: TypeAlias = Comparison | Between | InList | InQuery | Like | IsNull | Exists
"""Single test: ``<predicate>`` of the grammar."""

Condition: TypeAlias = Predicate | Negation | Conjunction | Disjunction
"""Truth: ``<search_condition>`` of the grammar."""


# Tables


@dataclass(frozen=True, slots=True)
class NamedTable(Node):
    """Table of the catalogue or of WITH, by name.

    Attributes
    ----------
    name
        Its name.
    alias
        Name that the query gives it.
    """

    name: TableName
    alias: Identifier | None = None


@dataclass(frozen=True, slots=True)
class DerivedTable(Node):
    """Query in parentheses that serves as a table.

    ``(a JOIN b USING (x)) AS t``, which the grammar also has, is read as
    ``(SELECT * FROM a JOIN b USING (x)) AS t``.

    Attributes
    ----------
    query
        The query.
    alias
        Its name, which ADQL requires.
    """

    query: QueryExpression
    alias: Identifier


class JoinKind(StrEnum):
    """Rows that a join keeps."""

    INNER = "INNER"
    LEFT = "LEFT"
    RIGHT = "RIGHT"
    FULL = "FULL"
    CROSS = "CROSS"


@dataclass(frozen=True, slots=True)
class JoinedTable(Node):
    """Join of two tables.

    Exactly one of these holds: `natural`; `condition` is set; `using` is not empty; the kind is
    CROSS.

    Attributes
    ----------
    left, right
        What is joined; chains of joins nest in `left`.
    kind
        Rows that are kept.
    natural
        Whether the columns of equal names are joined.
    condition
        Condition after ON.
    using
        Names of the columns after USING.
    """

    left: TableReference
    right: TableReference
    kind: JoinKind = JoinKind.INNER
    natural: bool = False
    condition: Condition | None = None
    using: tuple[Identifier, ...] = ()


TableReference: TypeAlias = NamedTable | DerivedTable | JoinedTable
"""Item of FROM: ``<table_reference>`` of the grammar."""


# Queries


@dataclass(frozen=True, slots=True)
class AllColumns(Node):
    """``*`` or ``qualifier.*`` in the SELECT list.

    Attributes
    ----------
    qualifier
        Table or alias before ``.*``; None for a plain ``*``.
    """

    qualifier: TableName | None = None


@dataclass(frozen=True, slots=True)
class DerivedColumn(Node):
    """Value in the SELECT list.

    Attributes
    ----------
    expression
        The value.
    alias
        Name that the query gives it.
    """

    expression: Expression
    alias: Identifier | None = None


SelectItem: TypeAlias = AllColumns | DerivedColumn
"""Item of the SELECT list."""


@dataclass(frozen=True, slots=True)
class ColumnPosition(Node):
    """Number of an output column in ORDER BY.

    Attributes
    ----------
    number
        Position in the SELECT list, as written; 1 is the first, range not checked here.
    """

    number: int


@dataclass(frozen=True, slots=True)
class OrderTerm(Node):
    """Item of ORDER BY.

    Attributes
    ----------
    key
        What rows are ordered by.
    descending
        Whether DESC was written.
    """

    key: Expression | ColumnPosition
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Select(Node):
    """``SELECT ... FROM ...`` with everything up to OFFSET.

    Attributes
    ----------
    items
        The SELECT list, one item or more.
    tables
        Items of FROM, one or more.
    distinct
        Whether DISTINCT was written.
    top
        Largest number of rows after ORDER BY and OFFSET; None without TOP.
    where, having
        Conditions.
    group_by
        Values to group by (a bare number is a constant, not a position).
    order_by
        Ordering of the result.
    offset
        Number of rows to skip before TOP counts; None without OFFSET.
    """

    items: tuple[SelectItem, ...]
    tables: tuple[TableReference, ...]
    distinct: bool = False
    top: int | None = None
    where: Condition | None = None
    group_by: tuple[Expression, ...] = ()
    having: Condition | None = None
    order_by: tuple[OrderTerm, ...] = ()
    offset: int | None = None


class SetOperator(StrEnum):
    """Operators between queries; those without ALL remove duplicate rows."""

    UNION = "UNION"
    UNION_ALL = "UNION ALL"
    EXCEPT = "EXCEPT"
    EXCEPT_ALL = "EXCEPT ALL"
    INTERSECT = "INTERSECT"
    INTERSECT_ALL = "INTERSECT ALL"


@dataclass(frozen=True, slots=True)
class SetOperation(Node):
    """Chain of UNION and EXCEPT, or of INTERSECT, from left to right.

    An operand that is a `Select` without `order_by` and `offset` stood without parentheses or
    could have; any other operand stood in parentheses or, for INTERSECT inside UNION and EXCEPT,
    binds tighter. A single operand without operators is a query in parentheses that is ordered
    or cut again: ``(SELECT TOP 5 ...) ORDER BY x``.

    Attributes
    ----------
    operands
        One query or more.
    operators
        Operators between them, one fewer; INTERSECT is not mixed with the others.
    order_by
        Ordering of the whole, by output column.
    offset
        Number of rows of the whole to skip; None without OFFSET.
    """

    operands: tuple[QueryExpression, ...]
    operators: tuple[SetOperator, ...]
    order_by: tuple[OrderTerm, ...] = ()
    offset: int | None = None


QueryExpression: TypeAlias = Select | SetOperation
"""Query without WITH: ``<select_expression>`` of the grammar."""


@dataclass(frozen=True, slots=True)
class CommonTable(Node):
    """``name [(columns)] AS (query)`` in WITH.

    Attributes
    ----------
    name
        Name of the table.
    columns
        Names of its columns; empty when the query's own names serve.
    query
        The query.
    """

    name: Identifier
    query: QueryExpression
    columns: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Query(Node):
    """Whole query.

    Attributes
    ----------
    body
        What is selected.
    common_tables
        Tables of WITH in the order written; each may use those before it.
    """

    body: QueryExpression
    common_tables: tuple[CommonTable, ...] = ()
