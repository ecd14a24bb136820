"""Words for what does not belong in a query: what to write instead, in the user's terms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from vo_service.adql.lexer import END, IDENTIFIER, NUMBER, STRING, Token
from vo_service.adql.reserved import RESERVED_WORDS


class Explanation(NamedTuple):
    """What to tell the user.

    Attributes
    ----------
    message
        One sentence without final stop.
    offset
        Index of the character that it is about.
    suggestions
        Words that the user may have meant.
    """

    message: str
    offset: int
    suggestions: tuple[str, ...] = ()


LONGEST_SHOWN = 40
"""Characters of a token that a message repeats; a string may be a page long."""

_USE_TOP = "write SELECT TOP n ... to limit the number of rows"
_NO_BOOLEANS = "ADQL has no boolean literals: compare with a value, such as flag = 1"
_SELECT_ONLY = "Only queries are allowed: a query starts with SELECT or WITH"
_NO_WINDOWS = "ADQL has no window functions (OVER)"
_NO_FUNCTION = "{word} is a function of SQL that ADQL does not have"

_FOREIGN_WORDS = {
    "LIMIT": f"ADQL has no LIMIT: {_USE_TOP}",
    "FETCH": f"ADQL has no FETCH: {_USE_TOP}",
    "OVER": _NO_WINDOWS,
    "WINDOW": _NO_WINDOWS,
    "RECURSIVE": "WITH RECURSIVE is not ADQL: tables of WITH cannot refer to themselves",
    "LATERAL": "ADQL has no LATERAL: join the tables with ON",
    "CASE": "ADQL has no CASE: select each case by its own query and join them with UNION ALL, or "
    "use COALESCE for missing values",
    "TRUE": _NO_BOOLEANS,
    "FALSE": _NO_BOOLEANS,
    "UNKNOWN": _NO_BOOLEANS,
    "INTO": "SELECT INTO is not ADQL: the service sends the result to you",
    "VALUES": "ADQL has no VALUES: upload the rows as a table",
    "REGEXP": "ADQL has no regular expressions: write LIKE or ILIKE with % and _",
    "RLIKE": "ADQL has no regular expressions: write LIKE or ILIKE with % and _",
    "SIMILAR": "ADQL has no SIMILAR TO: write LIKE or ILIKE with % and _",
    "ESCAPE": "LIKE has no ESCAPE in ADQL",
    "NULLS": "ORDER BY has no NULLS FIRST or LAST in ADQL",
    "INTERVAL": "ADQL has no INTERVAL literals",
    "COLLATE": "ADQL has no COLLATE",
    "INSERT": _SELECT_ONLY,
    "UPDATE": _SELECT_ONLY,
    "DELETE": _SELECT_ONLY,
    "CREATE": _SELECT_ONLY,
    "DROP": _SELECT_ONLY,
    "ALTER": _SELECT_ONLY,
    "GRANT": _SELECT_ONLY,
    "REVOKE": _SELECT_ONLY,
    "SET": _SELECT_ONLY,
    "DATE": "ADQL has no DATE literals: write CAST('2020-01-01' AS TIMESTAMP)",
    "TIMESTAMP": "ADQL has no TIMESTAMP literals: write CAST('2020-01-01' AS TIMESTAMP)",
}
"""Words of SQL that are not ADQL, with what to do instead."""

_FOREIGN_FUNCTIONS = (
    "BIT_LENGTH CHARACTER_LENGTH CHAR_LENGTH CONVERT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP "
    "CURRENT_USER EXTRACT NULLIF OCTET_LENGTH OVERLAPS POSITION SESSION_USER SUBSTRING SYSTEM_USER "
    "TRANSLATE TRIM"
)
_MISTAKEN_FOR_ALIAS = frozenset({"LIMIT", "OVER", "RECURSIVE", "LATERAL", "REGEXP", "RLIKE"})
_STRUCTURE = (
    "AND AS ASC BETWEEN BY DESC EXCEPT FROM FULL GROUP HAVING ILIKE IN INNER INTERSECT IS JOIN "
    "LEFT LIKE NATURAL NOT ON OR ORDER RIGHT SELECT UNION USING WHERE WITH"
)


def explain(tokens: Sequence[Token], index: int, expected: str, nested: bool) -> Explanation:
    """Explain why a token cannot stand where it does.

    Parameters
    ----------
    tokens
        Tokens of the query.
    index
        Index of the token.
    expected
        What could have stood there, in words.
    nested
        Whether a parenthesis is open.

    Returns
    -------
    Explanation
        The most helpful thing to say.
    """
    token = tokens[index]
    previous = tokens[index - 1] if index else None
    return (
        _foreign(token, previous, tokens[index + 1].kind if token.kind != END else END)
        or _early_end(token, previous, expected)
        or _misplaced(token, previous, nested)
        or _misspelt(token, previous, expected)
        or _reserved(token, expected)
        or _wrong_quotes(token, expected)
        or Explanation(f"Unexpected {_shown(token)}; expected {expected}", token.start)
    )


def _foreign(token: Token, previous: Token | None, next_kind: str) -> Explanation | None:
    """Recognise a word of SQL that ADQL lacks, also when it was first taken for an alias."""
    if previous is not None and previous.kind == IDENTIFIER:
        word = previous.text.upper()
        if word in _MISTAKEN_FOR_ALIAS:
            return Explanation(_FOREIGN_WORDS[word], previous.start)
    word = token.text.upper()
    if word in _FOREIGN_FUNCTIONS.split() and (next_kind == "(" or word.startswith("CURRENT")):
        return Explanation(_NO_FUNCTION.format(word=word), token.start)
    if word in {"DATE", "TIMESTAMP", "INTERVAL"} and next_kind != STRING:
        return None
    message = _FOREIGN_WORDS.get(word) if token.kind not in {STRING, NUMBER} else None
    return Explanation(message, token.start) if message else None


def _early_end(token: Token, previous: Token | None, expected: str) -> Explanation | None:
    """Recognise a query that stops, and point behind its last word rather than behind blanks."""
    if token.kind not in {END, ";"}:
        return None
    where = ", at the semicolon" if token.kind == ";" else ""
    offset = token.start if previous is None or where else previous.end
    return Explanation(f"The query ends too early{where}; expected {expected}", offset)


def _misplaced(token: Token, previous: Token | None, nested: bool) -> Explanation | None:
    """Recognise a comma too many, a parenthesis too many and TOP in the wrong place."""
    if (
        previous is not None
        and previous.kind == ","
        and token.kind in {*_STRUCTURE.split(), ")", ","}
    ):
        return Explanation(
            f"Nothing stands between the comma and {_shown(token)}: take the comma away, or add "
            "what is missing",
            previous.start,
        )
    if token.kind == ")" and not nested:
        return Explanation("This closing parenthesis has no opening one", token.start)
    if token.kind == "TOP":
        return Explanation(
            "TOP must stand right behind SELECT, or behind SELECT DISTINCT", token.start
        )
    if token.kind in {"DISTINCT", "ALL"} and previous is not None and previous.kind == NUMBER:
        return Explanation(f"{token.kind} must stand before TOP", token.start)
    return None


def _misspelt(token: Token, previous: Token | None, expected: str) -> Explanation | None:
    """Recognise a keyword with a letter wrong, also when it was first taken for an alias."""
    keywords = re.findall(r"\b[A-Z]{2,}\b", expected)
    for candidate in (token, previous):
        if candidate is None or candidate.kind != IDENTIFIER:
            continue
        close = difflib.get_close_matches(candidate.text.upper(), keywords, 1, 0.74)
        if close:
            return Explanation(f"Unexpected {_shown(candidate)}", candidate.start, (close[0],))
    return None


def _reserved(token: Token, expected: str) -> Explanation | None:
    """Recognise a reserved word that was meant as a name."""
    if token.kind not in RESERVED_WORDS or token.kind in _STRUCTURE.split():
        return None
    if "name" not in expected and "value" not in expected and "alias" not in expected:
        return None
    return Explanation(
        f"{_shown(token)} is a reserved word: to use it as a name, write it in double quotes; "
        f"expected {expected}",
        token.start,
    )


def _wrong_quotes(token: Token, expected: str) -> Explanation | None:
    if token.kind == STRING and "name" in expected:
        return Explanation(
            f"Single quotes make a string: write a name in double quotes; expected {expected}",
            token.start,
        )
    return None


def _shown(token: Token) -> str:
    """Quote a token, shortened."""
    text = token.text if len(token.text) <= LONGEST_SHOWN else token.text[:LONGEST_SHOWN] + "..."
    return text if text.startswith(("'", '"')) else f'"{text}"'
