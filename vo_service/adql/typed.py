"""The typed tree: a query whose names are resolved and whose types are known.

The resolver makes it from the syntax tree and a `registry.model.table.TableSet`; an engine
prints it as its own SQL. Nothing else reaches an engine, so what has no node here cannot be
asked of one.

Conventions
-----------
* Every relation in a query has a number, unique in the whole query; engines print it as an
  alias (``r3``). The columns of a derived table or of a common table expression are printed
  as ``c0``, ``c1`` ... in the order of its outputs.
* Every expression has a `Field`: type, unit, UCD and the rest of its meaning. Its `name` is the
  name that the column would have in a result. The value that an engine computes for it must
  have the Arrow type ``field.type.arrow``; geometries are lists of doubles as DALI writes them
  (point: lon, lat; circle: lon, lat, radius; polygon: lon, lat pairs), told apart by xtype.
* Calls are normalised: the coordinate-system argument is gone; ``DISTANCE`` has two points;
  ``CIRCLE`` has a point and a radius; ``POLYGON`` has points; ``BOX`` has a point, a width and
  a height; ``USING`` and ``NATURAL`` have become conditions on columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.model.field import Field
from registry.model.table import Table

__all__ = [
    "And",
    "Arithmetic",
    "Between",
    "Call",
    "Cast",
    "ColumnValue",
    "CommonTable",
    "CommonTableRelation",
    "Comparison",
    "Constant",
    "DerivedRelation",
    "Exists",
    "Expression",
    "InList",
    "InQuery",
    "IsNull",
    "Join",
    "JoinKind",
    "Like",
    "Not",
    "Or",
    "OrderKey",
    "Output",
    "Predicate",
    "Query",
    "QueryBody",
    "Relation",
    "Select",
    "SetKind",
    "SetOperation",
    "TableRelation",
]


# ---------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class ColumnValue:
    """The value of a column of a relation in the current row.

    Attributes
    ----------
    relation
        Number of the relation.
    physical
        Name of the column as the engine knows it.
    field
        Meaning.
    """

    relation: int
    physical: str
    field: Field


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: a whole number, a floating number, a string, or NULL."""

    value: int | float | str | None
    field: Field


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right`` where the operator is one of ``+ - * / ||``.

    A sign is ``Arithmetic("-", Constant(0), x)`` only where it cannot be folded; the resolver
    folds signs of literals.
    """

    operator: str
    left: Expression
    right: Expression
    field: Field


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the registry applied to its arguments.

    Attributes
    ----------
    function
        Canonical name in upper case, as `vo_service.adql.functions` lists it; ``COUNT`` without
        arguments counts rows.
    arguments
        Normalised arguments.
    field
        Meaning of the value.
    distinct
        For an aggregate: over distinct values only.
    """

    function: str
    arguments: tuple[Expression, ...]
    field: Field
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """The operand converted to the type of `field`.

    Attributes
    ----------
    operand
        What is converted.
    field
        Target type.
    length
        For ``CHAR(n)`` and ``VARCHAR(n)``: number of characters kept.
    padded
        For ``CHAR(n)``: whether shorter values are padded with blanks.
    """

    operand: Expression
    field: Field
    length: int | None = None
    padded: bool = False


Expression = ColumnValue | Constant | Arithmetic | Call | Cast


# ----------------------------------------------------------------------------- predicates


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right`` where the operator is one of ``= <> < <= > >=``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Between:
    """``low <= operand <= high``."""

    operand: Expression
    low: Expression
    high: Expression
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InList:
    """Whether the operand equals one of the values."""

    operand: Expression
    values: tuple[Expression, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InQuery:
    """Whether the operand is among the rows of a query with one column."""

    operand: Expression
    query: Query
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """SQL pattern match with ``%`` and ``_``; `fold_case` for ILIKE."""

    operand: Expression
    pattern: Expression
    negated: bool = False
    fold_case: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether the operand has no value."""

    operand: Expression
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether a query has any row; it may refer to relations of the enclosing query."""

    query: Query
    negated: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All operands hold (two or more)."""

    operands: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one operand holds (two or more)."""

    operands: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The operand does not hold."""

    operand: Predicate


Predicate = Comparison | Between | InList | InQuery | Like | IsNull | Exists | And | Or | Not


# ------------------------------------------------------------------------------ relations


class JoinKind(StrEnum):
    """How unmatched rows are treated."""

    INNER = "INNER"
    LEFT = "LEFT"
    RIGHT = "RIGHT"
    FULL = "FULL"
    CROSS = "CROSS"


@dataclass(frozen=True, slots=True)
class TableRelation:
    """A table of the table set."""

    number: int
    table: Table


@dataclass(frozen=True, slots=True)
class DerivedRelation:
    """A query in FROM."""

    number: int
    query: Query


@dataclass(frozen=True, slots=True)
class CommonTableRelation:
    """A use of a common table expression; `name` is generated (``w0``, ``w1`` ...)."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Join:
    """Two relations side by side; `condition` is absent for a cross join alone."""

    kind: JoinKind
    left: Relation
    right: Relation
    condition: Predicate | None


Relation = TableRelation | DerivedRelation | CommonTableRelation | Join


# -------------------------------------------------------------------------------- queries


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a result: its value, and its meaning with the final name."""

    expression: Expression
    field: Field


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT.

    Attributes
    ----------
    outputs
        Columns of the result; names are unique in the outermost query.
    relations
        FROM, joined by commas (a cross product that WHERE restricts).
    where, having
        Conditions on rows and on groups.
    group_by
        Grouping expressions; with none and an aggregate in the outputs, one group.
    distinct
        Whether equal rows are given once.
    top
        At most so many rows, after ORDER BY and OFFSET of the query that this is the body of.
    """

    outputs: tuple[Output, ...]
    relations: tuple[Relation, ...]
    where: Predicate | None = None
    group_by: tuple[Expression, ...] = ()
    having: Predicate | None = None
    distinct: bool = False
    top: int | None = None


class SetKind(StrEnum):
    """Set operators of ADQL."""

    UNION = "UNION"
    EXCEPT = "EXCEPT"
    INTERSECT = "INTERSECT"


@dataclass(frozen=True, slots=True)
class SetOperation:
    """Rows of two queries combined; `outputs` describe the combined columns.

    Operand columns are converted to the types of `outputs` where they differ.
    """

    kind: SetKind
    every: bool
    left: Query
    right: Query
    fields: tuple[Field, ...]


QueryBody = Select | SetOperation


@dataclass(frozen=True, slots=True)
class OrderKey:
    """A key of ORDER BY: the position of an output (from 0), or an expression.

    An expression is computed over the relations of the body, which is then a Select.
    """

    key: int | Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class CommonTable:
    """A common table expression of WITH; `name` is generated (``w0``, ``w1`` ...)."""

    name: str
    query: Query


@dataclass(frozen=True, slots=True)
class Query:
    """A query expression with its ordering.

    Attributes
    ----------
    body
        What is selected.
    order_by
        Keys, the most significant first.
    offset
        Rows that are skipped after ordering, before TOP.
    with_
        Common tables, each may use the earlier ones; only in the outermost query.
    tables
        In the outermost query: every table of the table set that is used anywhere in it.
    """

    body: QueryBody
    order_by: tuple[OrderKey, ...] = ()
    offset: int | None = None
    with_: tuple[CommonTable, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """Meaning of the columns of the result."""
        if isinstance(self.body, Select):
            return tuple(output.field for output in self.body.outputs)
        return self.body.fields
