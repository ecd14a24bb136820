"""ADQL identifiers: which names may be written bare, and how the others are quoted."""

from __future__ import annotations

import re

__all__ = ["RESERVED", "adql_name", "is_regular", "is_reserved"]

_REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_SQL_WORDS = """
    absolute action add all allocate alter and any are as asc assertion at authorization avg
    begin between bit bit_length both by cascade cascaded case cast catalog char character
    char_length character_length check close coalesce collate collation column commit connect
    connection constraint constraints continue convert corresponding count create cross current
    current_date current_time current_timestamp current_user cursor date day deallocate decimal
    declare default deferrable deferred delete desc describe descriptor diagnostics
    disconnect distinct domain double drop else end escape except exception exec execute exists
    external extract false fetch first float for foreign found from full get global go goto
    grant group having hour identity immediate in indicator initially inner input insensitive
    insert int integer intersect interval into is isolation join key language last leading left
    level like local lower match max min minute module month names national natural nchar next
    no not null nullif numeric octet_length of on only open option or order outer output
    overlaps pad partial position precision prepare preserve primary prior privileges procedure
    public read real references relative restrict revoke right rollback rows schema scroll
    second section select session session_user set size smallint some space sql sqlcode
    sqlerror sqlstate substring sum system_user table temporary then time timestamp
    timezone_hour timezone_minute to trailing transaction translate translation trim true union
    unique unknown update upper usage user using value values varchar varying view when
    whenever where with work write year zone
"""

_ADQL_WORDS = """
    abs acos area asin atan atan2 bigint box ceiling centroid circle contains coord1 coord2
    coordsys cos cot degrees distance exp floor ilike in_unit intersects log log10 mod offset pi
    point polygon power radians rand region round sin sqrt tan top truncate
"""

RESERVED: frozenset[str] = frozenset(_SQL_WORDS.split()) | frozenset(_ADQL_WORDS.split())
"""Words, in lower case, that name nothing unless quoted: ADQL 2.1, section 2.1.3.

``END-EXEC`` of the standard's list is left out: with its hyphen it is no identifier anyway.
``DEC``, which SQL-92 reserves, is free in ADQL: it is the astronomers' declination.
"""


def is_reserved(name: str) -> bool:
    """Tell whether a name is a reserved word of ADQL in any spelling of case."""
    return name.lower() in RESERVED


def is_regular(name: str) -> bool:
    """Tell whether a name may stand in a query without quotes.

    Notes
    -----
    ADQL 2.1, section 2.1.2: a letter of the Latin alphabet, then letters, digits and
    underscores, and no reserved word.
    """
    return _REGULAR.fullmatch(name) is not None and not is_reserved(name)


def adql_name(name: str) -> str:
    """Write a name as ADQL does: bare where it is regular, otherwise in double quotes.

    Parameters
    ----------
    name
        One identifier without quotes, not a dotted path.

    Returns
    -------
    str
        What TAP_SCHEMA and VOSI list and what a query may contain; double quotes inside the
        name are doubled.

    Raises
    ------
    ValueError
        If the name is empty; ADQL cannot write an empty identifier.
    """
    if not name:
        raise ValueError("an ADQL identifier cannot be empty: give the column or table a name")
    if is_regular(name):
        return name
    return '"' + name.replace('"', '""') + '"'
