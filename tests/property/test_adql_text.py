"""Any syntax tree survives printing and parsing, and no text raises anything but AdqlError."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from vo_service.adql import tree
from vo_service.adql.errors import AdqlError
from vo_service.adql.lexer import END, tokenize
from vo_service.adql.parser import parse
from vo_service.adql.parser.functions import Form, form_of
from vo_service.adql.text import to_adql

NAMES = ["a", "Ra", "z_best", "t1", "e", "E10", "limit", "over", "x" * 40]
DELIMITED = [
    "a",
    "Select",
    'q"',
    '""',
    " ",
    "--",
    "'",
    "\n",
    "\N{GREEK SMALL LETTER ALPHA}",
    ";",
    "1",
]
NUMBERS = ["0", "10", "1.", ".5", "1.50", "1e3", "1.E-3", ".5E+10"]
STRINGS = ["", "x", "it's", "''", "--", '"', "\n", "\N{GREEK SMALL LETTER ALPHA}", ";"]
COMPARISONS = ["=", "<>", "<", ">", "<=", ">="]


class Gardener:
    """Grows random trees; sizes shrink with the depth."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def chance(self, share=0.5):
        return self.random.random() < share

    def several(self, grow, depth, least=1, most=3):
        return tuple(grow(depth) for _ in range(self.random.randint(least, most)))

    def maybe(self, grow, *arguments):
        return grow(*arguments) if self.chance(0.4) else None

    # Names and values

    def identifier(self, _depth=0):
        if self.chance(0.7):
            return tree.Identifier(self.pick(NAMES))
        return tree.Identifier(self.pick(DELIMITED), delimited=True)

    def table_name(self):
        schema = self.maybe(self.identifier)
        catalog = self.maybe(self.identifier) if schema else None
        return tree.TableName(self.identifier(), schema, catalog)

    def column(self):
        return tree.ColumnReference(self.identifier(), self.maybe(self.table_name))

    def number(self):
        return tree.NumericLiteral(self.pick(NUMBERS))

    def leaf(self):
        grow = self.pick([self.column, self.column, self.number, self.string, tree.NullLiteral])
        return grow()

    def string(self):
        return tree.StringLiteral(self.pick(STRINGS))

    def of(self, depth, *forms):
        """Grow a value of one of these kinds."""
        while form_of(value := self.value(depth)) not in forms:
            pass
        return value

    def numeric(self, depth):
        return self.of(depth, Form.NUMBER, Form.OPEN)

    def stringlike(self, depth):
        return self.of(depth, Form.STRING, Form.OPEN)

    def value(self, depth):
        if depth <= 0:
            return self.leaf()
        grow = self.pick(
            [self.leaf, self.chain, self.signed, self.concatenation, self.call, self.cast]
        )
        return grow() if grow == self.leaf else grow(depth - 1)

    def chain(self, depth):
        operands = self.several(self.numeric, depth, 2, 4)
        operators = self.pick(["+-", "*/"])
        return tree.Arithmetic(operands, tuple(self.pick(operators) for _ in operands[1:]))

    def signed(self, depth):
        return tree.SignedExpression(self.pick("+-"), self.numeric(depth))

    def concatenation(self, depth):
        def operand(depth):
            return self.of(depth, Form.NUMBER, Form.STRING, Form.OPEN, Form.TIMESTAMP)

        return tree.Concatenation(self.several(operand, depth, 2, 3))

    def cast(self, depth):
        type_ = self.pick([*tree.CastType])
        length = self.random.randint(1, 99) if type_ is tree.CastType.CHAR else None
        return tree.Cast(self.value(depth), tree.CastTarget(type_, length))

    def call(self, depth):
        call = tree.FunctionCall
        match self.random.randint(0, 8):
            case 0:
                arguments = self.several(self.value, depth, 0)
                return call(self.pick(["ivo_f", "Gavo"]), arguments, user_defined=True)
            case 1:
                return call("COUNT", star=True)
            case 2:
                name = self.pick(["COUNT", "MAX", "SUM"])
                return call(name, (self.value(depth),), distinct=self.chance())
            case 3:
                return call("COALESCE", self.several(self.value, depth))
            case 4:
                return call("LOWER", (self.stringlike(depth),))
            case 5:
                return call("POWER", (self.numeric(depth), self.numeric(depth)))
            case 6:
                system = (self.string(),) if self.chance() else ()
                return call("POINT", (*system, self.numeric(depth), self.numeric(depth)))
            case 7:
                return call("CIRCLE", (self.column(), self.numeric(depth)))
            case _:
                return call("ROUND", (self.numeric(depth), tree.NumericLiteral("2")))

    # Truths

    def condition(self, depth):
        if depth <= 0 or self.chance(0.4):
            return self.predicate(depth)
        match self.random.randint(0, 2):
            case 0:
                return tree.Negation(self.condition(depth - 1))
            case 1:
                return tree.Conjunction(self.several(self.condition, depth - 1, 2))
            case _:
                return tree.Disjunction(self.several(self.condition, depth - 1, 2))

    def predicate(self, depth):
        negated, value = self.chance(), self.value(depth)
        match self.random.randint(0, 6 if depth > 0 else 4):
            case 0:
                return tree.Comparison(value, self.pick(COMPARISONS), self.value(depth))
            case 1:
                return tree.Between(value, self.value(depth), self.value(depth), negated)
            case 2:
                return tree.InList(value, self.several(self.value, depth), negated)
            case 3:
                strings = self.stringlike(depth), self.stringlike(depth)
                return tree.Like(*strings, negated, self.chance())
            case 4:
                return tree.IsNull(self.column(), negated)
            case 5:
                return tree.InQuery(value, self.body(depth - 1), negated)
            case _:
                return tree.Exists(self.body(depth - 1))

    # Tables and queries

    def table(self, depth):
        if depth <= 0 or self.chance(0.4):
            return tree.NamedTable(self.table_name(), self.maybe(self.identifier))
        if self.chance(0.4):
            return tree.DerivedTable(self.body(depth - 1), self.identifier())
        left, right, kind = self.table(depth - 1), self.table(depth - 1), self.pick(KINDS)
        if kind is tree.JoinKind.CROSS:
            return tree.JoinedTable(left, right, kind)
        if self.chance(0.3):
            return tree.JoinedTable(left, right, kind, natural=True)
        if self.chance():
            return tree.JoinedTable(left, right, kind, condition=self.condition(depth - 1))
        return tree.JoinedTable(left, right, kind, using=self.several(self.identifier, 0))

    def item(self, depth):
        if self.chance(0.2):
            return tree.AllColumns(self.maybe(self.table_name))
        return tree.DerivedColumn(self.value(depth), self.maybe(self.identifier))

    def order_term(self, depth):
        position = tree.ColumnPosition(self.random.randint(0, 99))
        return tree.OrderTerm(self.pick([position, self.value(depth)]), self.chance())

    def rows(self):
        return self.random.randint(0, 10**9)

    def select(self, depth):
        return tree.Select(
            self.several(self.item, depth),
            self.several(self.table, depth, 1, 2),
            self.chance(),
            self.maybe(self.rows),
            self.maybe(self.condition, depth),
            self.several(self.value, depth, 0, 2),
            self.maybe(self.condition, depth),
            self.several(self.order_term, depth, 0, 2),
            self.maybe(self.rows),
        )

    def body(self, depth):
        if depth <= 0 or self.chance(0.6):
            return self.select(depth)
        operands = self.several(self.body, depth - 1)
        order_by, offset = self.several(self.order_term, 0, 0, 2), self.maybe(self.rows)
        if len(operands) == 1 and not order_by and offset is None:
            return operands[0]
        words = self.pick([SET_OPERATORS[:4], SET_OPERATORS[4:]])
        return tree.SetOperation(
            operands, tuple(self.pick(words) for _ in operands[1:]), order_by, offset
        )

    def common_table(self, depth):
        columns = self.several(self.identifier, 0, 0, 2)
        return tree.CommonTable(self.identifier(), self.body(depth), columns)

    def query(self):
        return tree.Query(
            self.body(self.random.randint(0, 2)), self.several(self.common_table, 0, 0, 2)
        )


KINDS = [*tree.JoinKind]
SET_OPERATORS = [*tree.SetOperator]
queries = st.integers(0, 2**32).map(lambda seed: Gardener(seed).query())


@settings(max_examples=300, deadline=None)
@given(queries)
def test_a_printed_tree_parses_to_the_same_tree(query):
    text = to_adql(query)
    assert parse(text) == query
    assert to_adql(parse(text)) == text


@settings(max_examples=100, deadline=None)
@given(queries)
def test_tokens_cover_the_text_in_order(query):
    text = to_adql(query)
    tokens = tokenize(text)
    assert tokens[-1].kind == END
    assert all(left.end <= right.start for left, right in pairwise(tokens))
    between = [text[left.end : right.start] for left, right in pairwise(tokens)]
    assert set(between) <= {"", " "}


# Texts

PUNCTUATION = [*"()+-*/,.;=<>'\"", "||", "<>", "1", ".5", "1e3", "'s'", '"q"', "a", "b", "t"]
KEYWORDS = (
    "SELECT FROM WHERE AND OR NOT IN LIKE IS NULL BETWEEN EXISTS JOIN ON USING NATURAL LEFT OUTER "
    "GROUP ORDER BY HAVING UNION ALL EXCEPT INTERSECT WITH AS TOP DISTINCT OFFSET ASC DESC COUNT "
    "POINT CIRCLE POLYGON CONTAINS CAST REAL VARCHAR ABS ROUND COALESCE LIMIT CASE OVER TRUE DATE"
)
pieces = st.lists(st.sampled_from(PUNCTUATION + KEYWORDS.split()), max_size=25).map(" ".join)


def refusal_of(text):
    """Parse a text; give the error, or None if it is a query that survives printing."""
    try:
        query = parse(text)
    except AdqlError as error:
        return error
    assert parse(to_adql(query)) == query
    return None


def check_refusal(text):
    error = refusal_of(text)
    if error is not None:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text) + 1
        assert str(error).startswith(error.message)


@settings(max_examples=400, deadline=None)
@given(pieces | pieces.map("SELECT a FROM t WHERE {}".format) | st.text(max_size=60))
def test_any_text_is_parsed_or_refused_with_a_place(text):
    check_refusal(text)


@settings(max_examples=200, deadline=None)
@given(queries, st.data())
def test_a_query_with_a_piece_cut_out_is_parsed_or_refused(query, data):
    text = to_adql(query)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 12)))
    check_refusal(text[:start] + text[end:])
