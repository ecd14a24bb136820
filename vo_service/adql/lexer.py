"""Lexer: cuts the text of a query into tokens, one regular expression for all of them."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from vo_service.adql.errors import AdqlSyntaxError
from vo_service.adql.reserved import RESERVED_WORDS

IDENTIFIER = "identifier"
"""Kind of a regular identifier."""

DELIMITED = "delimited identifier"
"""Kind of an identifier in double quotes."""

NUMBER = "number"
"""Kind of an unsigned number."""

STRING = "string"
"""Kind of a character string in single quotes."""

END = "end"
"""Kind of the token after the last one."""


LONGEST_NUMBER = 100
"""Characters of a number: five times what a double holds, and short enough for any engine."""


class Token(NamedTuple):
    """Smallest part of a query that means something.

    Attributes
    ----------
    kind
        One of the constants of this module, a reserved word in upper case, or a symbol.
    text
        As written, delimiters included.
    start
        Index of its first character in the query.
    end
        Index after its last character.
    """

    kind: str
    text: str
    start: int
    end: int


_MASTER = re.compile(
    r"""(?:[\ \t\r\n\f\v]++|--[^\n]*+)*+
    (?:(?P<word>[A-Za-z][A-Za-z0-9_]*+)
      |(?P<symbol><=|>=|<>|!=(?!=)|\|\||=(?!=)|/(?!\*)|\.(?![0-9])|[-+*(),<>;])
      |(?P<number>(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)(?P<glued>[A-Za-z_]?)
      |(?P<string>'(?:[^']++|'')*+')
      |(?P<delimited>"(?:[^"]++|"")++")
      |(?P<end>\Z)
      |(?P<bad>.))
    """,
    re.VERBOSE | re.DOTALL,
)
"""Possessive throughout, so the time is proportional to the length of any text."""

_WORD_KINDS = {word: word for word in RESERVED_WORDS} | {
    word.lower(): word for word in RESERVED_WORDS
}
"""Kinds of reserved words in the two cases that people write."""

_REFUSALS = {
    "'": "A string is never closed: the ' here has no partner (write '' for one ' inside a string)",
    '""': "A name in double quotes is empty: write a name between the quotes",
    '"': 'A name in double quotes is never closed: the " here has no partner',
    "\N{LEFT SINGLE QUOTATION MARK}": "Curly quotes do not delimit strings in ADQL: write straight "
    "single quotes, '...'",
    "\N{LEFT DOUBLE QUOTATION MARK}": "Curly quotes do not delimit names in ADQL: write straight "
    "double quotes, or single ones for a string",
    "`": "Backticks do not delimit names in ADQL: write double quotes",
    "[": "Square brackets are not ADQL: write names in double quotes; there are no array elements",
    "%": "There is no operator % in ADQL: write MOD(a, b)",
    "==": "There is no operator == in ADQL: write =",
    "!": "There is no operator ! in ADQL: write NOT, or <> for unequal",
    ":": "There is no : in ADQL: convert with CAST(value AS type); parameters are not supported",
    "/*": "Comments in ADQL start with -- and run to the end of the line; /* is not ADQL",
    "{": "There are no braces in ADQL: replace the placeholder of your program by its value",
    "?": "There are no parameters ? in ADQL: write the value",
    "^": "There is no operator ^ in ADQL: write POWER(a, b)",
    "~": "There is no operator ~ in ADQL: write LIKE or ILIKE with % and _",
    "|": "There are no bitwise operators in ADQL; strings are joined with ||",
    "&": "There are no bitwise operators in ADQL; conditions are joined with AND",
    "_": "A name that starts with _ must be written in double quotes",
    "\N{NO-BREAK SPACE}": "A no-break space (from a web page or a document) is not a blank in "
    "ADQL: type a space instead",
}
"""What to write instead of texts that are not ADQL."""

_SAME_REFUSAL = {
    "\N{RIGHT SINGLE QUOTATION MARK}": "\N{LEFT SINGLE QUOTATION MARK}",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "\N{LEFT SINGLE QUOTATION MARK}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "\N{LEFT DOUBLE QUOTATION MARK}",
    "\N{DOUBLE LOW-9 QUOTATION MARK}": "\N{LEFT DOUBLE QUOTATION MARK}",
    "]": "[",
    "}": "{",
    "$": "?",
    "@": "?",
}
"""Characters that share a refusal."""


def tokenize(source: str) -> list[Token]:
    """Cut a query into tokens.

    Parameters
    ----------
    source
        Text of the query.

    Returns
    -------
    list of Token
        Tokens in order; the last one has the kind `END`.

    Raises
    ------
    AdqlSyntaxError
        For characters that ADQL does not have, strings and names that are not closed, a number
        with a letter behind it (``2desc``), and a number longer than `LONGEST_NUMBER`.
    """
    tokens: list[Token] = []
    match = _MASTER.match
    offset = 0
    while True:
        found = match(source, offset)
        assert found is not None  # noqa: S101 - the last alternatives match anything
        group = found.lastgroup
        offset = found.end()
        if group == "word":
            text = found["word"]
            kind = _WORD_KINDS.get(text) or _WORD_KINDS.get(text.upper(), IDENTIFIER)
            tokens.append(Token(kind, text, offset - len(text), offset))
        elif group == "symbol":
            text = found["symbol"]
            tokens.append(Token(text, text, offset - len(text), offset))
        elif group == "glued":
            text = found["number"]
            if found["glued"]:
                _refuse_glued(source, found.start("number"))
            if len(text) > LONGEST_NUMBER:
                _refuse_long_number(source, found.start("number"))
            tokens.append(Token(NUMBER, text, offset - len(text), offset))
        elif group == "string":
            text = found["string"]
            tokens.append(Token(STRING, text, offset - len(text), offset))
        elif group == "delimited":
            text = found["delimited"]
            tokens.append(Token(DELIMITED, text, offset - len(text), offset))
        elif group == "end":
            tokens.append(Token(END, "", offset, offset))
            return tokens
        else:
            _refuse_character(source, found.start("bad"))


def _refuse_glued(source: str, offset: int) -> NoReturn:
    """Refuse a number that a letter follows."""
    found = re.compile(r"[.\w]+").match(source, offset)
    text = found[0] if found else source[offset]
    raise AdqlSyntaxError.at(
        f'"{text}" is neither a number nor a name: put a space between the two, or write a name '
        "that starts with a digit in double quotes",
        source,
        offset,
    )


def _refuse_long_number(source: str, offset: int) -> NoReturn:
    """Refuse a number that no engine could read."""
    raise AdqlSyntaxError.at(
        f"The number has more than {LONGEST_NUMBER} characters", source, offset
    )


def _refuse_character(source: str, offset: int) -> NoReturn:
    """Refuse a character that starts no token."""
    character = source[offset]
    pair = source[offset : offset + 2]
    message = _REFUSALS.get(pair) or _REFUSALS.get(_SAME_REFUSAL.get(character, character))
    if message is None and character.isalpha():
        message = (
            f"Names hold the letters A-Z, digits and _ only: write a name with {character!r} "
            "in double quotes"
        )
    if message is None:
        message = f"Unexpected character {character!r}: it is not part of ADQL"
    raise AdqlSyntaxError.at(message, source, offset)
