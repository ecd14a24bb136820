"""Values: literals, columns, functions, arithmetic, concatenation, casts."""

from __future__ import annotations

from typing import cast

from vo_service.adql.lexer import DELIMITED, IDENTIFIER, NUMBER, STRING, Token
from vo_service.adql.parser.cursor import TokenCursor
from vo_service.adql.parser.functions import (
    AGGREGATES,
    SIGNATURES,
    Form,
    form_of,
    joins_strings_bare,
)
from vo_service.adql.tree import (
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
    NullLiteral,
    NumericLiteral,
    Sign,
    SignedExpression,
    Span,
    StringLiteral,
    TableName,
)

_VALUE = "a value"
_CAST_TYPES = {type_.value: type_ for type_ in CastType if type_ is not CastType.DOUBLE_PRECISION}
_WITH_LENGTH = {CastType.CHAR, CastType.VARCHAR}

MOST_DIGITS = 18
"""Digits that always fit a 64-bit integer; longer counts of rows mean nothing."""


class ExpressionParser(TokenCursor):
    """Grammar of values: ``<value_expression>`` and below."""

    def value(self, seed: Expression | None = None, start: int | None = None) -> Expression:
        """Parse a value.

        Parameters
        ----------
        seed
            First operand, if it has been read already: a value in parentheses.
        start
            Index of the first character of the seed, parentheses included.

        Returns
        -------
        Expression
            Arithmetic binds as usual; ``||`` does not mix with it outside parentheses.
        """
        begin = self.token.start if start is None else start
        in_parentheses = seed is not None or self.kind == "("
        first = self.operand() if seed is None else seed
        if self.kind == "||":
            return self._concatenation(first, begin, in_parentheses)
        if self.kind not in {"+", "-", "*", "/"}:
            return first
        operands: list[Expression] = []
        operators: list[ArithmeticOperator] = []
        while True:
            operands.append(self._product(first, begin if not operands else None))
            if self.kind not in {"+", "-"}:
                break
            operators.append(cast(ArithmeticOperator, self.advance().kind))
            first = self.operand()
        if self.kind == "||":
            raise self.error_at(
                self.token.start, "Arithmetic beside || must stand in parentheses: (a + b) || c"
            )
        if not operators:
            return operands[0]
        for operand in operands:
            self._check_number(operand)
        return Arithmetic(tuple(operands), tuple(operators), span=self.span_from(begin))

    def _product(self, first: Expression, start: int | None) -> Expression:
        """Parse the rest of a chain of products after its first factor."""
        if self.kind not in {"*", "/"}:
            return first
        begin = first.span.start if start is None else start
        factors = [first]
        operators: list[ArithmeticOperator] = []
        while self.kind in {"*", "/"}:
            operators.append(cast(ArithmeticOperator, self.advance().kind))
            factors.append(self.operand())
        for factor in factors:
            self._check_number(factor)
        return Arithmetic(tuple(factors), tuple(operators), span=self.span_from(begin))

    def _check_number(self, operand: Expression) -> None:
        """Refuse an operand of arithmetic that is no number."""
        form = form_of(operand)
        if form is not Form.NUMBER and form is not Form.OPEN:
            raise self.error_at(operand.span.start, f"Arithmetic takes numbers, not a {form}")

    def _concatenation(self, first: Expression, start: int, in_parentheses: bool) -> Concatenation:
        """Parse the rest of a chain of ``||`` after its first operand."""
        operands = [first]
        self._check_joinable(first, in_parentheses)
        while self.accept("||"):
            in_parentheses = self.kind == "("
            operands.append(self.operand())
            self._check_joinable(operands[-1], in_parentheses)
        if self.kind in {"+", "-", "*", "/"}:
            raise self.error_at(
                self.token.start, "Arithmetic beside || must stand in parentheses: a || (b + c)"
            )
        return Concatenation(tuple(operands), span=self.span_from(start))

    def _check_joinable(self, operand: Expression, in_parentheses: bool) -> None:
        """Refuse an operand of ``||`` that ADQL does not allow there."""
        if form_of(operand) is Form.GEOMETRY:
            raise self.error_at(operand.span.start, "The operator || joins strings, not geometries")
        if not in_parentheses and not joins_strings_bare(operand):
            raise self.error_at(
                operand.span.start,
                "A number computed beside || must stand in parentheses: 'text' || (-1)",
            )

    # Operands

    def operand(self) -> Expression:
        """Parse a value without operators, with a sign at most: ``<factor>``."""
        token = self.token
        kind = token.kind
        if kind in {IDENTIFIER, DELIMITED}:
            if self.peek() == "(":
                return self._user_defined_call()
            return self.column_reference()
        if kind == NUMBER:
            return self._number()
        if kind == STRING:
            return self._string()
        if kind in SIGNATURES:
            return self._call()
        if kind == "(":
            return self._in_parentheses()
        if kind in {"+", "-"}:
            return self._signed()
        if kind == "CAST":
            return self._cast()
        if kind == "NULL":
            self.advance()
            return NullLiteral(span=Span(token.start, token.end))
        raise self.unexpected(_VALUE)

    def _signed(self) -> SignedExpression:
        token = self.advance()
        if self.kind in {"+", "-"}:
            raise self.error_at(
                self.token.start, "Two signs in a row: write the second in parentheses, -(-x)"
            )
        operand = self.operand()
        self._check_number(operand)
        return SignedExpression(cast(Sign, token.kind), operand, span=self.span_from(token.start))

    def _in_parentheses(self) -> Expression:
        if self.starts_query():
            raise self.error_at(
                self.token.start,
                "ADQL has no sub-query as a value: use IN (SELECT ...), EXISTS (SELECT ...), or "
                "join a sub-query in FROM",
            )
        self.open_parenthesis()
        value = self.value()
        self.close_parenthesis("an operator or a closing parenthesis")
        return value

    def _number(self) -> NumericLiteral:
        token = self.advance()
        text = token.text
        if self._exponent_follows(text):
            text += "E" + self._tokens[self._index + 1].text + self._tokens[self._index + 2].text
            for _ in range(3):
                self.advance()
        return NumericLiteral(text, span=self.span_from(token.start))

    def _exponent_follows(self, mantissa: str) -> bool:
        """Whether ``E-10`` stands apart from its mantissa.

        Notes
        -----
        ADQL 2.1 lets blanks stand between tokens, and an example query of the ObsCore
        Recommendation has ``2.48 E-10``. Nothing else in the grammar starts so after a value.
        """
        if self.kind != IDENTIFIER or self.token.text not in {"E", "e"}:
            return False
        if self.peek() not in {"+", "-"} or self.peek(2) != NUMBER or "e" in mantissa.lower():
            return False
        letter, sign, digits = self._tokens[self._index : self._index + 3]
        return letter.end == sign.start and sign.end == digits.start and digits.text.isdigit()

    def _string(self) -> StringLiteral:
        start = self.token.start
        parts: list[str] = []
        while self.kind == STRING:
            parts.append(self.advance().text[1:-1].replace("''", "'"))
        return StringLiteral("".join(parts), span=self.span_from(start))

    # Names

    def column_reference(self) -> ColumnReference:
        """Parse a column name with its qualifiers."""
        start = self.token.start
        parts = self.dotted_name("a column name", 4)
        if self.kind == "(":
            raise self.error_at(start, "Functions have no schema in ADQL: write the name alone")
        qualifier = self.table_name_of(parts[:-1]) if len(parts) > 1 else None
        return ColumnReference(parts[-1], qualifier, span=self.span_from(start))

    def dotted_name(self, expected: str, most: int) -> list[Identifier]:
        """Parse names joined by points.

        Parameters
        ----------
        expected
            What is named.
        most
            Largest number of parts.
        """
        parts = [self.identifier(expected)]
        while self.kind == "." and self.peek() != "*":
            if len(parts) == most:
                raise self.error_at(
                    self.token.start,
                    "A name has too many parts: the longest is catalog.schema.table.column",
                )
            self.advance()
            parts.append(self.identifier("a name after the point"))
        return parts

    def table_name_of(self, parts: list[Identifier]) -> TableName:
        """Make a table name of one to three identifiers."""
        if len(parts) > 3:
            raise self.error_at(
                parts[3].span.start,
                "A table name has too many parts: the longest is catalog.schema.table",
            )
        catalog = parts[-3] if len(parts) > 2 else None
        schema = parts[-2] if len(parts) > 1 else None
        span = Span(parts[0].span.start, parts[-1].span.end)
        return TableName(parts[-1], schema, catalog, span=span)

    # Calls

    def _user_defined_call(self) -> FunctionCall:
        token = self.advance()
        if token.kind == DELIMITED:
            raise self.error_at(
                token.start, f"A function's name is not written in double quotes: {token.text}"
            )
        self.open_parenthesis()
        if self.kind in {"*", "DISTINCT", "ALL"}:
            raise self.error_at(
                self.token.start,
                f"{self.token.text} is for aggregates (AVG, COUNT, MAX, MIN, SUM) only",
            )
        arguments = () if self.kind == ")" else self._values()
        self._close_call()
        return FunctionCall(
            token.text, arguments, user_defined=True, span=self.span_from(token.start)
        )

    def _call(self) -> FunctionCall:
        token = self.advance()
        name = token.kind
        signature = SIGNATURES[name]
        if self.kind != "(":
            raise self.error_at(
                token.start,
                f"{name} is a function and a reserved word: write {signature.usage}, or "
                f'"{token.text}" in double quotes if you mean a name',
            )
        self.open_parenthesis()
        if name in AGGREGATES:
            return self._aggregate(token)
        arguments = () if self.kind == ")" else self._values()
        self._close_call()
        self._check_arguments(token, arguments)
        return FunctionCall(name, arguments, span=self.span_from(token.start))

    def _aggregate(self, token: Token) -> FunctionCall:
        name = token.kind
        if self.kind == "*":
            star = self.advance()
            if name != "COUNT":
                raise self.error_at(star.start, f"{name} takes a value; only COUNT takes *")
            self._close_call()
            return FunctionCall(name, star=True, span=self.span_from(token.start))
        distinct = self.accept("DISTINCT")
        if not distinct:
            self.accept("ALL")
        arguments = () if self.kind == ")" else self._values()
        self._close_call()
        self._check_arguments(token, arguments)
        return FunctionCall(name, arguments, distinct, span=self.span_from(token.start))

    def _check_arguments(self, token: Token, arguments: tuple[Expression, ...]) -> None:
        signature = SIGNATURES[token.kind]
        problem = signature.check(token.kind, arguments)
        if problem is not None:
            usage = "" if "such as" in problem else f"; write {signature.usage}"
            raise self.error_at(token.start, problem + usage)

    def _close_call(self) -> None:
        self.close_parenthesis("an operator, a comma or a closing parenthesis")

    def _values(self) -> tuple[Expression, ...]:
        """Parse values separated by commas."""
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        return tuple(values)

    # Casts

    def _cast(self) -> Cast:
        start = self.advance().start
        self.open_parenthesis("( after CAST")
        operand = self.value()
        self.expect("AS", "an operator, or AS and a type: CAST(value AS type)")
        target = self._cast_target()
        self.close_parenthesis()
        return Cast(operand, target, span=self.span_from(start))

    def _cast_target(self) -> CastTarget:
        token = self.token
        if self.accept("DOUBLE"):
            self.expect("PRECISION", "PRECISION after DOUBLE")
            span = self.span_from(token.start)
            return CastTarget(CastType.DOUBLE_PRECISION, span=span)
        type_ = _CAST_TYPES.get(token.kind)
        if type_ is None:
            known = ", ".join(CastType)
            raise self.error_at(
                token.start, f'CAST does not know the type "{token.text}"; it knows {known}'
            )
        self.advance()
        length = None
        if self.kind == "(" and type_ in _WITH_LENGTH:
            self.open_parenthesis()
            length = self.unsigned_integer("a number of characters")
            if length < 1:
                raise self.error_at(token.start, f"{type_} holds 1 character at least")
            self.close_parenthesis()
        return CastTarget(type_, length, span=self.span_from(token.start))

    def unsigned_integer(self, expected: str) -> int:
        """Parse a number of digits only.

        Parameters
        ----------
        expected
            What the number is.
        """
        token = self.token
        if token.kind != NUMBER or not token.text.isdigit():
            raise self.unexpected(f"{expected}, a whole number without sign")
        self.advance()
        return self.whole_number(token)

    def whole_number(self, token: Token) -> int:
        """Read the value of a token that holds digits only."""
        if len(token.text) > MOST_DIGITS:
            raise self.error_at(token.start, f"The number has more than {MOST_DIGITS} digits")
        return int(token.text)
