"""Cursor over the tokens of one query: looking, taking, explaining, and counting what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vo_service.adql.errors import AdqlSyntaxError, QueryTooComplex
from vo_service.adql.lexer import DELIMITED, END, IDENTIFIER, Token, tokenize
from vo_service.adql.limits import Limits
from vo_service.adql.parser.refusals import explain
from vo_service.adql.tree import Identifier, Span

_ENDS_OF_PARENTHESES = {END, ";", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "OFFSET"}
"""Kinds of tokens that show that a parenthesis before them was forgotten."""


class TokenCursor:
    """Place in the tokens of a query; the grammar's classes build on it.

    Parameters
    ----------
    source
        Text of the query.
    limits
        Largest query that is read.

    Attributes
    ----------
    kind
        Kind of the token at the cursor, kept beside it because everything asks for it.
    """

    def __init__(self, source: str, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        if len(source) > limits.characters:
            raise QueryTooComplex(
                f"The query has {len(source)} characters, more than {limits.characters}; "
                "the limit is named characters"
            )
        self._tokens = tokenize(source)
        if len(self._tokens) > limits.tokens:
            raise self._limit_error(
                f"The query has more than {limits.tokens} words and symbols",
                "tokens",
                self._tokens[limits.tokens].start,
            )
        self._index = 0
        self._depth = 0
        self._subqueries = 0
        self._tables = 0
        self._open_parentheses: list[Token] = []
        self.kind = self._tokens[0].kind

    # Looking

    @property
    def token(self) -> Token:
        """Token at the cursor."""
        return self._tokens[self._index]

    def peek(self, distance: int = 1) -> str:
        """Kind of a token after the cursor."""
        index = self._index + distance
        return self._tokens[index].kind if index < len(self._tokens) else END

    def starts_query(self) -> bool:
        """Whether a query starts at the cursor, parentheses before SELECT included."""
        distance = 0
        while self.peek(distance) == "(" and distance <= self._limits.depth:
            distance += 1
        return self.peek(distance) in {"SELECT", "WITH"}

    def span_from(self, start: int) -> Span:
        """Span from a character to the end of the last token taken."""
        return Span(start, self._tokens[self._index - 1].end)

    # Taking

    def advance(self) -> Token:
        """Take the token at the cursor."""
        token = self._tokens[self._index]
        self._index += 1
        self.kind = self._tokens[self._index].kind
        return token

    def accept(self, kind: str) -> bool:
        """Take the token at the cursor if it is of a kind."""
        if self.kind == kind:
            self.advance()
            return True
        return False

    def expect(self, kind: str, expected: str = "") -> Token:
        """Take a token that must be there.

        Parameters
        ----------
        kind
            Kind of the token.
        expected
            What the user should have written; the kind itself by default.
        """
        if self.kind != kind:
            raise self.unexpected(expected or kind)
        return self.advance()

    def open_parenthesis(self, expected: str = "(") -> Token:
        """Take an opening parenthesis, and remember it until it is closed."""
        token = self.expect("(", expected)
        self._open_parentheses.append(token)
        self._depth += 1
        if self._depth > self._limits.depth:
            raise self._limit_error(
                f"Parentheses are nested more than {self._limits.depth} deep", "depth", token.start
            )
        return token

    def close_parenthesis(self, expected: str = "a closing parenthesis") -> Token:
        """Take the closing parenthesis of the last one opened."""
        if self.kind in _ENDS_OF_PARENTHESES:
            opening = self._open_parentheses[-1]
            raise self.error_at(opening.start, "The parenthesis opened here is never closed")
        token = self.expect(")", expected)
        self._open_parentheses.pop()
        self._depth -= 1
        return token

    def identifier(self, expected: str) -> Identifier:
        """Take a name.

        Parameters
        ----------
        expected
            What is named, such as ``a column name``.
        """
        token = self.token
        if token.kind == IDENTIFIER:
            self.advance()
            return Identifier(token.text, span=Span(token.start, token.end))
        if token.kind == DELIMITED:
            self.advance()
            name = token.text[1:-1].replace('""', '"')
            return Identifier(name, delimited=True, span=Span(token.start, token.end))
        raise self.unexpected(expected)

    # Explaining

    def unexpected(self, expected: str) -> AdqlSyntaxError:
        """Make the error for the token at the cursor.

        Parameters
        ----------
        expected
            What the user could have written there, in words.
        """
        nested = bool(self._open_parentheses)
        if self.kind == END and nested and "parenthesis" not in expected:
            expected += f", and {self._closing_words()}"
        message, offset, suggestions = explain(self._tokens, self._index, expected, nested)
        return AdqlSyntaxError.at(message, self._source, offset, suggestions)

    def error_at(self, offset: int, message: str) -> AdqlSyntaxError:
        """Make an error for something at a character, with a message of its own."""
        return AdqlSyntaxError.at(message, self._source, offset)

    def _closing_words(self) -> str:
        count = len(self._open_parentheses)
        return "a closing parenthesis" if count == 1 else f"{count} closing parentheses"

    # Counting

    @contextmanager
    def subquery_level(self) -> Iterator[None]:
        """Count one more sub-query around what is read inside."""
        self._subqueries += 1
        if self._subqueries > self._limits.subqueries:
            raise self._limit_error(
                f"Sub-queries are nested more than {self._limits.subqueries} deep",
                "subqueries",
                self.token.start,
            )
        yield
        self._subqueries -= 1

    def count_table(self) -> None:
        """Count one more table."""
        self._tables += 1
        if self._tables > self._limits.tables:
            raise self._limit_error(
                f"The query names more than {self._limits.tables} tables",
                "tables",
                self.token.start,
            )

    def check_in_items(self, count: int) -> None:
        """Refuse an IN list that is too long."""
        if count > self._limits.in_items:
            raise self._limit_error(
                f"A list of IN has more than {self._limits.in_items} values; upload them as a "
                "table and join it",
                "in_items",
                self.token.start,
            )

    def _limit_error(self, message: str, limit: str, offset: int) -> QueryTooComplex:
        return QueryTooComplex.at(f"{message}; the limit is named {limit}", self._source, offset)
