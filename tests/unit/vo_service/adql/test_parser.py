"""Syntax trees: shapes, spans, limits, and the errors' parts."""

import pickle
import sys

import pytest

from vo_service.adql import tree
from vo_service.adql.errors import (
    AdqlError,
    AdqlSyntaxError,
    QueryTooComplex,
    UnknownColumn,
    excerpt_around,
    locate,
)
from vo_service.adql.limits import Limits
from vo_service.adql.parser import parse
from vo_service.adql.parser.functions import SIGNATURES
from vo_service.adql.reserved import RESERVED_WORDS
from vo_service.adql.text import to_adql


def column(name):
    return tree.ColumnReference(tree.Identifier(name))


def number(text):
    return tree.NumericLiteral(text)


def value(text):
    (item,) = parse(f"SELECT {text} FROM t").body.items
    return item.expression


def where(text):
    return parse(f"SELECT a FROM t WHERE {text}").body.where


def body(text):
    return parse(text).body


# Shapes


def test_products_bind_tighter_than_sums_and_chains_are_flat():
    a, b, c, d = map(column, "abcd")
    assert value("a + b * c - d") == tree.Arithmetic(
        (a, tree.Arithmetic((b, c), ("*",)), d), ("+", "-")
    )
    assert value("a / b / c") == tree.Arithmetic((a, b, c), ("/", "/"))


def test_a_sign_belongs_to_its_operand_only():
    product = tree.Arithmetic((tree.SignedExpression("-", column("a")), column("b")), ("*",))
    assert value("-a * b") == product
    assert value("2 * -1 + 5") == tree.Arithmetic(
        (
            tree.Arithmetic((number("2"), tree.SignedExpression("-", number("1"))), ("*",)),
            number("5"),
        ),
        ("+",),
    )


def test_and_binds_tighter_than_or_and_not_tightest():
    a, b, c = (tree.Comparison(column(name), "=", number("1")) for name in "abc")
    assert where("a = 1 OR NOT b = 1 AND c = 1") == tree.Disjunction(
        (a, tree.Conjunction((tree.Negation(b), c)))
    )


def test_a_parenthesis_may_hold_a_value_or_a_condition():
    comparison = tree.Comparison(column("a"), "=", number("1"))
    for text in ("a = 1", "(a) = 1", "(a = 1)", "((a) = (1))", "(((a)) = 1)"):
        assert where(text) == comparison


def test_intersect_binds_tighter_than_union_and_except():
    operation = body("SELECT a FROM t UNION SELECT a FROM u INTERSECT SELECT a FROM v")
    assert operation.operators == (tree.SetOperator.UNION,)
    assert operation.operands[1].operators == (tree.SetOperator.INTERSECT,)


def test_order_by_behind_a_union_orders_the_whole():
    operation = body("SELECT a FROM t UNION SELECT a FROM u ORDER BY a OFFSET 3")
    assert isinstance(operation, tree.SetOperation)
    assert len(operation.order_by) == 1
    assert operation.offset == 3
    assert all(operand.order_by == () for operand in operation.operands)


def test_order_by_in_and_behind_a_parenthesis_are_two():
    outer = body("(SELECT TOP 5 a FROM t ORDER BY a) ORDER BY a DESC")
    assert outer.operators == ()
    assert outer.order_by[0].descending
    assert outer.operands[0].top == 5
    assert not outer.operands[0].order_by[0].descending


def test_a_bare_number_in_order_by_is_a_position_and_any_other_value_is_not():
    keys = [term.key for term in body("SELECT a FROM t ORDER BY 2, (2), 2 + 0, a").order_by]
    assert keys[0] == tree.ColumnPosition(2)
    assert keys[1] == number("2")
    assert isinstance(keys[2], tree.Arithmetic)


def test_joins_nest_to_the_left():
    (join,) = body("SELECT a FROM t JOIN u USING (x) LEFT OUTER JOIN v ON a = b").tables
    assert join.kind is tree.JoinKind.LEFT
    assert join.left.using == (tree.Identifier("x"),)
    assert join.left.kind is tree.JoinKind.INNER


def test_names_keep_their_case_and_delimiters():
    reference = value('C."s ""1""".T.x')
    assert reference == tree.ColumnReference(
        tree.Identifier("x"),
        tree.TableName(
            tree.Identifier("T"), tree.Identifier('s "1"', delimited=True), tree.Identifier("C")
        ),
    )
    assert [part.name for part in reference.qualifier.parts] == ["C", 's "1"', "T"]


def test_functions_of_adql_are_in_capitals_and_others_as_written():
    assert value("sqrt(x)") == tree.FunctionCall("SQRT", (column("x"),))
    assert value("Ivo_f(x)") == tree.FunctionCall("Ivo_f", (column("x"),), user_defined=True)
    assert value("count(*)") == tree.FunctionCall("COUNT", star=True)
    assert value("sum(distinct x)") == tree.FunctionCall("SUM", (column("x"),), distinct=True)


def test_every_function_of_adql_is_a_reserved_word():
    assert set(SIGNATURES) <= RESERVED_WORDS


def test_adjacent_strings_are_one():
    assert value("'a''b' 'c' -- x\n 'd'") == tree.StringLiteral("a'bcd")


def test_a_mantissa_may_stand_apart_from_its_exponent():
    assert value("2.48 E-10") == number("2.48E-10")
    first, second = body("SELECT TOP 5 e-10, 1 e FROM t").items
    assert isinstance(first.expression, tree.Arithmetic)
    assert second.alias == tree.Identifier("e")


def test_unequal_has_one_operator():
    assert where("a != 1") == where("a <> 1")


def test_nodes_compare_by_content_and_not_by_place():
    assert value("a+b") == value("  a  +  b")
    assert hash(value("a+b")) == hash(value(" a + b"))
    assert value("a+b") != value("a-b")


# Spans


def test_spans_give_back_the_text_of_a_node():
    text = "SELECT  a +  (b * 2) AS \"x\" FROM s.t u WHERE ( a ) IN (1, 2 ) AND NOT f( a ) = 'q'"
    select = parse(text).body

    def shown(node):
        return text[node.span.start : node.span.end]

    (item,) = select.items
    (table,) = select.tables
    assert shown(select) == text
    assert shown(item) == 'a +  (b * 2) AS "x"'
    assert shown(item.expression) == "a +  (b * 2)"
    assert shown(item.expression.operands[1]) == "b * 2"
    assert shown(item.alias) == '"x"'
    assert shown(table) == "s.t u"
    assert shown(table.name) == "s.t"
    in_list, negation = select.where.operands
    assert shown(in_list) == "( a ) IN (1, 2 )"
    assert shown(negation) == "NOT f( a ) = 'q'"
    assert shown(negation.operand.left) == "f( a )"


# Limits


@pytest.mark.parametrize(
    ("limits", "text", "name"),
    [
        (Limits(characters=20), "SELECT a, b, c FROM t", "characters"),
        (Limits(tokens=6), "SELECT a, b, c FROM t", "tokens"),
        (Limits(depth=2), "SELECT (((a))) FROM t", "depth"),
        (Limits(depth=2), "SELECT ABS(ABS(ABS(a))) FROM t", "depth"),
        (Limits(subqueries=1), "SELECT a FROM (SELECT a FROM (SELECT a FROM t) x) y", "subqueries"),
        (Limits(tables=2), "SELECT a FROM t, u JOIN v USING (x)", "tables"),
        (Limits(in_items=2), "SELECT a FROM t WHERE a IN (1, 2, 3)", "in_items"),
    ],
)
def test_a_query_over_a_limit_is_refused_by_the_limits_name(limits, text, name):
    with pytest.raises(QueryTooComplex, match=f"the limit is named {name}"):
        parse(text, limits)
    assert parse(text)


DEEPEST = {
    "values": "SELECT " + "(" * 63 + "1" + ")" * 63 + " FROM t",
    "signs": "SELECT " + "-(" * 63 + "1" + ")" * 63 + " FROM t",
    "calls": "SELECT " + "ABS(" * 63 + "1" + ")" * 63 + " FROM t",
    "conditions": "SELECT a FROM t WHERE " + "NOT (" * 63 + "a = 1" + ")" * 63,
    "subqueries": "SELECT a FROM t WHERE ((a IN (" * 15 + "SELECT a FROM t" + ")))" * 15,
    "joins": "SELECT a FROM t" + " JOIN t" * 63 + " ON a = b" * 63,
    "and": "SELECT a FROM t WHERE a = 1" + " AND a = 1" * 9_000,
    "sums": "SELECT 1" + " + 1" * 20_000 + " FROM t",
    "strings": "SELECT 'a'" + "||'a'" * 20_000 + " FROM t",
    "unions": "SELECT a FROM t" + " UNION SELECT a FROM t" * 62,
}


@pytest.mark.parametrize("name", DEEPEST)
def test_the_largest_queries_use_less_than_half_of_the_stack(name):
    frame, used = sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(used + 450)
    try:
        query = parse(DEEPEST[name])
        assert parse(to_adql(query)) == query
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 40_000,
        "SELECT " + "(" * 40_000,
        "SELECT " + "ABS(" * 20_000,
        "SELECT a FROM " + "(" * 40_000,
        "SELECT a FROM t WHERE a IN " + "(" * 40_000,
    ],
)
def test_endless_parentheses_are_refused_and_not_followed(text):
    with pytest.raises(QueryTooComplex, match=r"(64|16) deep"):
        parse(text)


# Errors


def test_an_error_says_what_where_and_which():
    error = UnknownColumn.at('Unknown column "redshfit"', "SELECT redshfit", 7, ("redshift",))
    assert str(error) == 'Unknown column "redshfit" (line 1, column 8); did you mean "redshift"?'
    assert error.excerpt == "SELECT redshfit"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_suggestions_are_listed_as_one_would_say_them():
    error = AdqlError("Unknown", suggestions=("a", '"B"', "c"))
    assert str(error) == 'Unknown; did you mean "a", "B" or "c"?'


def test_lines_and_columns_count_from_one():
    text = "SELECT a\nFROM t\n  WHERE"
    assert locate(text, 0) == (1, 1)
    assert locate(text, 9) == (2, 1)
    assert locate(text, len(text)) == (3, 8)


def test_an_excerpt_is_a_piece_of_one_line():
    text = "x" * 500 + " here " + "y" * 500 + "\nnext"
    excerpt = excerpt_around(text, 501)
    assert "here" in excerpt
    assert len(excerpt) <= 60


def test_a_query_that_stops_is_refused_behind_its_last_word():
    with pytest.raises(AdqlSyntaxError) as caught:
        parse("SELECT a FROM t\nWHERE   \n\n-- the end\n")
    assert (caught.value.line, caught.value.column) == (2, 6)
    assert caught.value.excerpt == "WHERE"


@pytest.mark.parametrize("word", sorted(RESERVED_WORDS))
def test_a_reserved_word_names_something_in_double_quotes_only(word):
    for text in (f"SELECT {word} FROM t", f"SELECT a AS {word} FROM t", f"SELECT a FROM {word}"):
        if (word, text) == ("NULL", "SELECT NULL FROM t"):
            continue
        with pytest.raises(AdqlSyntaxError):
            parse(text)
    assert parse(f'SELECT "{word}" AS "{word.lower()}" FROM "{word}"')


@pytest.mark.parametrize("word", ["size", "date", "level", "rows", "value", "match", "year"])
def test_reserved_words_that_are_common_columns_are_explained(word):
    with pytest.raises(AdqlSyntaxError, match=f'"{word}" is a reserved word: .* double quotes'):
        parse(f"SELECT a, {word} FROM t")
