"""Names and values of the syntax tree: the part that knows no conditions, tables or queries.

Users import it from `vo_service.adql.tree`, which holds the rest and says how nodes behave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias


class Span(NamedTuple):
    """Part of the query's text.

    Attributes
    ----------
    start
        Index of the first character, from 0.
    end
        Index after the last character.
    """

    start: int
    end: int


NOWHERE = Span(0, 0)
"""Span of nodes that were built by a program rather than read from a text."""


@dataclass(frozen=True, slots=True)
class Node:
    """Part of a query.

    Attributes
    ----------
    span
        Where it stands in the text; not compared.
    """

    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


# Names


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """Name of a column, table, schema, catalog or alias.

    Attributes
    ----------
    name
        The name without delimiters, ``""`` already read as one ``"``, in the case written.
    delimited
        Whether it was written in double quotes, and so is case-sensitive.
    """

    name: str
    delimited: bool = False


@dataclass(frozen=True, slots=True)
class TableName(Node):
    """Name of a table, or a qualifier: ``[[catalog.]schema.]table``, or an alias.

    Attributes
    ----------
    table
        Last part: the table's name, or the alias that a qualifier refers to.
    schema
        Part before it.
    catalog
        Part before the schema.
    """

    table: Identifier
    schema: Identifier | None = None
    catalog: Identifier | None = None

    @property
    def parts(self) -> tuple[Identifier, ...]:
        """Parts that were written, from the catalog to the table."""
        return tuple(part for part in (self.catalog, self.schema, self.table) if part is not None)


# Values


@dataclass(frozen=True, slots=True)
class NumericLiteral(Node):
    """Unsigned number.

    Attributes
    ----------
    text
        As written (``10``, ``.5``, ``1.``, ``1.5E-3``), so that no digit is lost.
    """

    text: str

    @property
    def is_integer(self) -> bool:
        """Whether it is written with digits only."""
        return self.text.isdigit()


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    """Character string.

    Attributes
    ----------
    value
        Its characters: ``''`` already read as one ``'``, adjacent literals joined.
    """

    value: str


@dataclass(frozen=True, slots=True)
class NullLiteral(Node):
    """The word NULL as a value."""


@dataclass(frozen=True, slots=True)
class ColumnReference(Node):
    """Column by name: ``[[[catalog.]schema.]table.]column``.

    Attributes
    ----------
    column
        Name of the column.
    qualifier
        Table or alias before the last point, if any.
    """

    column: Identifier
    qualifier: TableName | None = None


Sign: TypeAlias = Literal["+", "-"]
"""Sign before a value."""

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
"""Operator between numbers."""


@dataclass(frozen=True, slots=True)
class SignedExpression(Node):
    """Value with a sign before it.

    Attributes
    ----------
    sign
        ``+`` or ``-``.
    operand
        Value that it applies to; never signed itself without parentheses.
    """

    sign: Sign
    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """Chain of sums and differences, or of products and quotients, from left to right.

    ``a - b + c`` has the operands a, b, c and the operators ``-``, ``+``.

    Attributes
    ----------
    operands
        Two values or more.
    operators
        Operators between them, one fewer; all from ``+ -`` or all from ``* /``.
    """

    operands: tuple[Expression, ...]
    operators: tuple[ArithmeticOperator, ...]


@dataclass(frozen=True, slots=True)
class Concatenation(Node):
    """Chain of ``||``.

    Attributes
    ----------
    operands
        Two values or more.
    """

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class FunctionCall(Node):
    """Call of a function: mathematical, aggregate, geometric, COALESCE, IN_UNIT or user-defined.

    Whether a user-defined function exists is the resolver's question. The number of arguments of
    the functions of ADQL itself, and which of them must be literals, has been checked.

    Attributes
    ----------
    name
        Upper case for functions of ADQL, as written for user-defined ones (case-insensitive).
    arguments
        Values in parentheses; empty with `star`.
    distinct
        Whether the aggregate was written with DISTINCT.
    star
        Whether it is ``COUNT(*)``.
    user_defined
        Whether the name is not a reserved word.
    """

    name: str
    arguments: tuple[Expression, ...] = ()
    distinct: bool = False
    star: bool = False
    user_defined: bool = False


class CastType(StrEnum):
    """Types that CAST can make: ``<cast_target>`` of the grammar."""

    CHAR = "CHAR"
    VARCHAR = "VARCHAR"
    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    REAL = "REAL"
    DOUBLE_PRECISION = "DOUBLE PRECISION"
    TIMESTAMP = "TIMESTAMP"
    POINT = "POINT"
    CIRCLE = "CIRCLE"
    POLYGON = "POLYGON"


@dataclass(frozen=True, slots=True)
class CastTarget(Node):
    """Type after AS in a CAST.

    Attributes
    ----------
    type
        The type.
    length
        Number of characters of ``CHAR(n)`` and ``VARCHAR(n)``, at least 1; None when not given.
    """

    type: CastType
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """``CAST(operand AS target)``.

    Attributes
    ----------
    operand
        Value to convert.
    target
        Type to make of it.
    """

    operand: Expression
    target: CastTarget


Expression: TypeAlias = (
    NumericLiteral
    | StringLiteral
    | NullLiteral
    | ColumnReference
    | SignedExpression
    | Arithmetic
    | Concatenation
    | FunctionCall
    | Cast
)
"""Value: ``<value_expression>`` of the grammar."""
