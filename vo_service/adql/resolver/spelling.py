"""Names as people write them: matching, quoting, and what may have been meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from vo_service.adql import tree
from vo_service.adql.reserved import ADQL_RESERVED_WORDS, SQL_RESERVED_WORDS

__all__ = ["column_matches", "near", "quoted", "shown", "table_matches"]

MAX_SUGGESTIONS = 3
"""Most names that an error offers: as many as are read at a glance."""

_REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def table_matches(reference: tree.Identifier, name: tree.Identifier) -> bool:
    """Whether a reference means an alias or a common table.

    Parameters
    ----------
    reference
        What the query refers to.
    name
        What was declared.

    Notes
    -----
    ADQL 2.1, section 2.1.3: a name without delimiters is case-insensitive; for a delimited
    reference it counts as lower case.
    """
    if not reference.delimited:
        return reference.name.lower() == name.name.lower()
    return reference.name == (name.name if name.delimited else name.name.lower())


def column_matches(reference: tree.Identifier, name: tree.Identifier) -> bool:
    """Whether a reference means a column: as `table_matches`, or spelt exactly the same."""
    return reference.name == name.name or table_matches(reference, name)


def quoted(name: str) -> str:
    """Write a name as ADQL needs it: in double quotes unless it is a regular identifier."""
    upper = name.upper()
    if (
        _REGULAR.fullmatch(name)
        and upper not in ADQL_RESERVED_WORDS
        and upper not in SQL_RESERVED_WORDS
    ):
        return name
    return '"' + name.replace('"', '""') + '"'


def shown(parts: Iterable[tree.Identifier]) -> str:
    """Write the parts of a name for a sentence, in one pair of double quotes."""
    names = [part.name for part in parts]
    if len(names) == 1:
        return '"' + names[0].replace('"', '""') + '"'
    return '"' + ".".join(names) + '"'


def near(name: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """Give the candidates that may have been meant, the likeliest first; not the name itself.

    Parameters
    ----------
    name
        What was written, without delimiters.
    candidates
        Names that the caller may see, written as ADQL needs them.
    """
    by_key: dict[str, str] = {}
    for candidate in candidates:
        by_key.setdefault(candidate.replace('"', "").lower(), candidate)
    found = difflib.get_close_matches(name.lower(), by_key, MAX_SUGGESTIONS)
    return tuple(by_key[key] for key in found if by_key[key] != name)
