"""Whether a text is ADQL 2.1, and if not, where and why: no tables and no database needed.

::

    >>> from vo_service.adql.verdicts import check
    >>> check("SELECT z FROM cosmos LIMIT 10").valid
    False

What needs metadata (names of tables and columns, types, the functions of a service) is not asked
here.
"""

from __future__ import annotations

from dataclasses import dataclass

from vo_service.adql.errors import AdqlError
from vo_service.adql.limits import DEFAULT_LIMITS, Limits
from vo_service.adql.parser import parse

__all__ = ["Verdict", "check"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one query.

    Attributes
    ----------
    valid
        Whether it is a sentence of ADQL 2.1 within the limits.
    message
        What is wrong and what to write; absent for a valid query.
    line, column
        Where, both from 1; absent for a valid query, and where an error belongs to no place.
    """

    valid: bool
    message: str | None = None
    line: int | None = None
    column: int | None = None


def check(query: str, limits: Limits = DEFAULT_LIMITS) -> Verdict:
    """Tell whether a text is a query of ADQL 2.1.

    Parameters
    ----------
    query
        The text.
    limits
        Largest query that is read.

    Returns
    -------
    Verdict
        Whatever the text is; nothing is raised.

    Notes
    -----
    ADQL 2.1, Appendix A, with every optional feature.
    """
    try:
        parse(query, limits)
    except AdqlError as error:
        suggestions = " or ".join(f'"{name}"' for name in error.suggestions)
        advice = f"; did you mean {suggestions}?" if suggestions else ""
        return Verdict(False, error.message + advice, error.line, error.column)
    return Verdict(True)
