"""Parser: from the text of one ADQL 2.1 query to its syntax tree.

Recursive descent without backtracking; one class for each part of the grammar, each built on the
one before: `expressions` (values), `functions` (what ADQL fixes about its own functions),
`conditions` (truths), `tables` (FROM), `queries` (SELECT, set operations, WITH). `cursor` holds
the place in the text, `refusals` the words for what does not belong there.
"""

from __future__ import annotations

from vo_service.adql.limits import DEFAULT_LIMITS, Limits
from vo_service.adql.parser.queries import QueryParser
from vo_service.adql.tree import Query

__all__ = ["parse"]


def parse(text: str, limits: Limits = DEFAULT_LIMITS) -> Query:
    """Parse a query.

    Parameters
    ----------
    text
        One ADQL 2.1 query; a semicolon may end it.
    limits
        Largest query that is read.

    Returns
    -------
    Query
        Syntax tree with the place of every node in `text`.

    Raises
    ------
    AdqlSyntaxError
        If the text is not a sentence of ADQL 2.1; the message says where and what to write.
    QueryTooComplex
        If a limit is passed.
    """
    return QueryParser(text, limits).parse()
