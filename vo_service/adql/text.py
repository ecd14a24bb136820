"""Text of a syntax tree: prints it back as ADQL, in one canonical way.

Keywords in capitals, one space between words, ``AS`` before every alias, parentheses only where
the meaning needs them. Parsing what is printed gives the same tree back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from vo_service.adql.parser.functions import joins_strings_bare
from vo_service.adql.tree import (
    AllColumns,
    Arithmetic,
    Between,
    Cast,
    ColumnPosition,
    ColumnReference,
    CommonTable,
    Comparison,
    Concatenation,
    Condition,
    Conjunction,
    DerivedTable,
    Disjunction,
    Exists,
    Expression,
    FunctionCall,
    Identifier,
    InList,
    InQuery,
    IsNull,
    JoinedTable,
    JoinKind,
    Like,
    NamedTable,
    Negation,
    NullLiteral,
    NumericLiteral,
    OrderTerm,
    Query,
    QueryExpression,
    Select,
    SelectItem,
    SetOperation,
    SetOperator,
    SignedExpression,
    StringLiteral,
    TableName,
    TableReference,
)

_INTERSECTIONS = {SetOperator.INTERSECT, SetOperator.INTERSECT_ALL}


def to_adql(query: Query) -> str:
    """Print a query as ADQL.

    Parameters
    ----------
    query
        Syntax tree. Trees of the parser nest no deeper than its limits; one that a program built
        may exhaust Python's stack if it nests deeper than a few hundred levels.

    Returns
    -------
    str
        One line of ADQL 2.1 (line breaks inside names and strings stay).
    """
    if not query.common_tables:
        return query_text(query.body)
    tables = ", ".join(_common_table(table) for table in query.common_tables)
    return f"WITH {tables} {query_text(query.body)}"


def _common_table(table: CommonTable) -> str:
    columns = f" ({_list(map(identifier_text, table.columns))})" if table.columns else ""
    return f"{identifier_text(table.name)}{columns} AS ({query_text(table.query)})"


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts)


# Names


def identifier_text(identifier: Identifier) -> str:
    """Print a name, in double quotes if it was written so."""
    if not identifier.delimited:
        return identifier.name
    return '"' + identifier.name.replace('"', '""') + '"'


def table_name_text(name: TableName) -> str:
    """Print a table name or a qualifier with its points."""
    return ".".join(identifier_text(part) for part in name.parts)


# Values


def expression_text(expression: Expression) -> str:
    """Print a value.

    Parameters
    ----------
    expression
        Syntax tree of the value.

    Returns
    -------
    str
        ADQL, without parentheses around it.
    """
    match expression:
        case NumericLiteral():
            return expression.text
        case StringLiteral():
            return "'" + expression.value.replace("'", "''") + "'"
        case NullLiteral():
            return "NULL"
        case ColumnReference():
            column = identifier_text(expression.column)
            if expression.qualifier is None:
                return column
            return f"{table_name_text(expression.qualifier)}.{column}"
        case SignedExpression():
            operand = _operand(expression.operand, products_bare=False)
            signed = isinstance(expression.operand, SignedExpression)
            return expression.sign + (f"({operand})" if signed else operand)
        case Arithmetic():
            return _arithmetic(expression)
        case Concatenation():
            return " || ".join(
                expression_text(operand)
                if joins_strings_bare(operand)
                else f"({expression_text(operand)})"
                for operand in expression.operands
            )
        case FunctionCall():
            return _call(expression)
        case Cast():
            length = "" if expression.target.length is None else f"({expression.target.length})"
            target = f"{expression.target.type}{length}"
            return f"CAST({expression_text(expression.operand)} AS {target})"
        case _:
            assert_never(expression)


def _arithmetic(chain: Arithmetic) -> str:
    sums = chain.operators[0] in {"+", "-"}
    parts = [_operand(chain.operands[0], products_bare=sums)]
    for operator, operand in zip(chain.operators, chain.operands[1:], strict=True):
        parts += [operator, _operand(operand, products_bare=sums)]
    return " ".join(parts)


def _operand(operand: Expression, *, products_bare: bool) -> str:
    """Print an operand of arithmetic or of a sign; products may stand bare in sums."""
    text = expression_text(operand)
    if isinstance(operand, Concatenation):
        return f"({text})"
    if isinstance(operand, Arithmetic):
        bare = products_bare and operand.operators[0] in {"*", "/"}
        return text if bare else f"({text})"
    return text


def _call(call: FunctionCall) -> str:
    if call.star:
        return f"{call.name}(*)"
    distinct = "DISTINCT " if call.distinct else ""
    return f"{call.name}({distinct}{_list(map(expression_text, call.arguments))})"


# Truths


def condition_text(condition: Condition) -> str:
    """Print a condition.

    Parameters
    ----------
    condition
        Syntax tree of the condition.

    Returns
    -------
    str
        ADQL, without parentheses around it.
    """
    match condition:
        case Comparison():
            left, right = expression_text(condition.left), expression_text(condition.right)
            return f"{left} {condition.operator} {right}"
        case Between():
            low, high = expression_text(condition.low), expression_text(condition.high)
            return f"{_tested(condition)} BETWEEN {low} AND {high}"
        case InList():
            return f"{_tested(condition)} IN ({_list(map(expression_text, condition.items))})"
        case InQuery():
            return f"{_tested(condition)} IN ({query_text(condition.query)})"
        case Like():
            word = "ILIKE" if condition.ignore_case else "LIKE"
            return f"{_tested(condition)} {word} {expression_text(condition.pattern)}"
        case IsNull():
            negated = "NOT " if condition.negated else ""
            return f"{expression_text(condition.operand)} IS {negated}NULL"
        case Exists():
            return f"EXISTS ({query_text(condition.query)})"
        case Negation():
            return f"NOT {_factor(condition.operand, (Negation, Conjunction, Disjunction))}"
        case Conjunction():
            inner = (Conjunction, Disjunction)
            return " AND ".join(_factor(operand, inner) for operand in condition.operands)
        case Disjunction():
            return " OR ".join(_factor(operand, (Disjunction,)) for operand in condition.operands)
        case _:
            assert_never(condition)


def _tested(predicate: Between | InList | InQuery | Like) -> str:
    """Print the first value of a predicate, and its NOT."""
    return expression_text(predicate.operand) + (" NOT" if predicate.negated else "")


def _factor(condition: Condition, enclosed: tuple[type[Condition], ...]) -> str:
    """Print a part of a condition, in parentheses if it is of a class that needs them."""
    text = condition_text(condition)
    return f"({text})" if isinstance(condition, enclosed) else text


# Tables


def _table(table: TableReference) -> str:
    match table:
        case NamedTable():
            alias = "" if table.alias is None else f" AS {identifier_text(table.alias)}"
            return table_name_text(table.name) + alias
        case DerivedTable():
            return f"({query_text(table.query)}) AS {identifier_text(table.alias)}"
        case JoinedTable():
            return _join(table)
        case _:
            assert_never(table)


def _join(join: JoinedTable) -> str:
    right = _table(join.right)
    if isinstance(join.right, JoinedTable):
        right = f"({right})"
    words = [_table(join.left)]
    if join.natural:
        words.append("NATURAL")
    if join.kind is not JoinKind.INNER:
        words.append(join.kind.value)
    words += ["JOIN", right]
    if join.condition is not None:
        words += ["ON", condition_text(join.condition)]
    if join.using:
        words.append(f"USING ({_list(map(identifier_text, join.using))})")
    return " ".join(words)


# Queries


def query_text(query: QueryExpression) -> str:
    """Print a query without WITH.

    Parameters
    ----------
    query
        Syntax tree of the query.

    Returns
    -------
    str
        ADQL, without parentheses around it.
    """
    words = [_select(query) if isinstance(query, Select) else _set_operation(query)]
    if query.order_by:
        words.append(f"ORDER BY {_list(map(_order_term, query.order_by))}")
    if query.offset is not None:
        words.append(f"OFFSET {query.offset}")
    return " ".join(words)


def _select(select: Select) -> str:
    words = ["SELECT"]
    if select.distinct:
        words.append("DISTINCT")
    if select.top is not None:
        words.append(f"TOP {select.top}")
    words.append(_list(map(_item, select.items)))
    words.append(f"FROM {_list(map(_table, select.tables))}")
    if select.where is not None:
        words.append(f"WHERE {condition_text(select.where)}")
    if select.group_by:
        words.append(f"GROUP BY {_list(map(expression_text, select.group_by))}")
    if select.having is not None:
        words.append(f"HAVING {condition_text(select.having)}")
    return " ".join(words)


def _item(item: SelectItem) -> str:
    if isinstance(item, AllColumns):
        return "*" if item.qualifier is None else f"{table_name_text(item.qualifier)}.*"
    text = expression_text(item.expression)
    return text if item.alias is None else f"{text} AS {identifier_text(item.alias)}"


def _set_operation(operation: SetOperation) -> str:
    parts = [_query_operand(operation.operands[0], operation)]
    for operator, operand in zip(operation.operators, operation.operands[1:], strict=True):
        parts += [operator.value, _query_operand(operand, operation)]
    return " ".join(parts)


def _query_operand(operand: QueryExpression, operation: SetOperation) -> str:
    """Print an operand of a set operation, in parentheses where the meaning needs them."""
    text = query_text(operand)
    bare = bool(operation.operators) and not operand.order_by and operand.offset is None
    if bare and isinstance(operand, SetOperation):
        tighter = bool(operand.operators) and operand.operators[0] in _INTERSECTIONS
        bare = tighter and operation.operators[0] not in _INTERSECTIONS
    return text if bare else f"({text})"


def _order_term(term: OrderTerm) -> str:
    direction = " DESC" if term.descending else ""
    if isinstance(term.key, ColumnPosition):
        return f"{term.key.number}{direction}"
    text = expression_text(term.key)
    if isinstance(term.key, NumericLiteral) and term.key.is_integer:
        text = f"({text})"
    return text + direction
