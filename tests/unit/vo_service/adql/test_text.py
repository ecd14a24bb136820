"""Printing of syntax trees that a program built, where parentheses and quotes matter."""

import pytest

from vo_service.adql import tree
from vo_service.adql.parser import parse
from vo_service.adql.text import (
    condition_text,
    expression_text,
    identifier_text,
    query_text,
    table_name_text,
    to_adql,
)


def column(name):
    return tree.ColumnReference(tree.Identifier(name))


def is_one(name):
    return tree.Comparison(column(name), "=", tree.NumericLiteral("1"))


A, B, C = map(column, "abc")


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        (tree.Arithmetic((A, tree.Arithmetic((B, C), ("+",))), ("-",)), "a - (b + c)"),
        (tree.Arithmetic((tree.Arithmetic((A, B), ("-",)), C), ("-",)), "(a - b) - c"),
        (tree.Arithmetic((A, tree.Arithmetic((B, C), ("/",))), ("+",)), "a + b / c"),
        (tree.Arithmetic((A, tree.Arithmetic((B, C), ("/",))), ("*",)), "a * (b / c)"),
        (tree.Arithmetic((A, tree.SignedExpression("-", B)), ("-",)), "a - -b"),
        (tree.SignedExpression("-", tree.SignedExpression("-", A)), "-(-a)"),
        (tree.SignedExpression("+", tree.Arithmetic((A, B), ("*",))), "+(a * b)"),
        (tree.Concatenation((tree.SignedExpression("-", A), B)), "(-a) || b"),
        (tree.Concatenation((A, tree.Concatenation((B, C)))), "a || (b || c)"),
        (tree.Concatenation((tree.FunctionCall("PI"), B)), "(PI()) || b"),
        (tree.StringLiteral("it's\n"), "'it''s\n'"),
    ],
)
def test_parentheses_stand_where_the_tree_needs_them(expression, printed):
    assert expression_text(expression) == printed
    (item,) = parse(f"SELECT {printed} FROM t").body.items
    assert item.expression == expression


@pytest.mark.parametrize(
    ("condition", "printed"),
    [
        (tree.Negation(tree.Negation(is_one("a"))), "NOT (NOT a = 1)"),
        (
            tree.Conjunction((tree.Disjunction((is_one("a"), is_one("b"))), is_one("c"))),
            "(a = 1 OR b = 1) AND c = 1",
        ),
        (
            tree.Disjunction((tree.Conjunction((is_one("a"), is_one("b"))), is_one("c"))),
            "a = 1 AND b = 1 OR c = 1",
        ),
        (
            tree.Conjunction((tree.Conjunction((is_one("a"), is_one("b"))), is_one("c"))),
            "(a = 1 AND b = 1) AND c = 1",
        ),
    ],
)
def test_conditions_keep_their_nesting(condition, printed):
    assert condition_text(condition) == printed
    assert parse(f"SELECT a FROM t WHERE {printed}").body.where == condition


def test_delimited_names_double_their_quotes():
    name = tree.TableName(
        tree.Identifier('a"b', delimited=True), tree.Identifier("s"), tree.Identifier("c")
    )
    assert identifier_text(name.table) == '"a""b"'
    assert table_name_text(name) == 'c.s."a""b"'


def test_a_constant_in_order_by_does_not_become_a_position():
    select = parse("SELECT a FROM t ORDER BY (1), 1").body
    assert query_text(select) == "SELECT a FROM t ORDER BY (1), 1"
    assert isinstance(select.order_by[0].key, tree.NumericLiteral)
    assert isinstance(select.order_by[1].key, tree.ColumnPosition)


def test_the_right_side_of_a_join_keeps_its_parentheses():
    text = "SELECT a FROM t JOIN (u JOIN v USING (y)) USING (x)"
    assert to_adql(parse(text)) == text
    assert to_adql(parse("SELECT a FROM (t JOIN u USING (y)) JOIN v USING (x)")) == (
        "SELECT a FROM t JOIN u USING (y) JOIN v USING (x)"
    )
