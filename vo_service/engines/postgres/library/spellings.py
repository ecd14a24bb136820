"""How functions of ADQL are called in PostgreSQL's SQL.

Arguments are printed SQL of double precision unless a comment says otherwise. No text has a
percent sign, which the driver would take for a placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["SPELLED", "spell"]

_Spelling = Callable[[Sequence[str]], str]


def _call(name: str) -> _Spelling:
    return lambda arguments: f"{name}({', '.join(arguments)})"


def _text(name: str) -> _Spelling:
    """Call a function of text whose value is compared by code point."""
    return lambda arguments: f'({name}({", ".join(arguments)}) COLLATE "C")'


def _sexagesimal(unit: str, factor: int) -> _Spelling:
    return lambda arguments: f"({factor} * pzvo.sexagesimal({arguments[0]}, '{unit}'))"


def _days(epoch: float) -> _Spelling:
    return lambda arguments: f"pzvo.days({arguments[0]}, {epoch!r})"


def _nocasematch(arguments: Sequence[str]) -> str:
    text, pattern = arguments
    return f"(pzvo.lower({text}) LIKE pzvo.lower({pattern}) ESCAPE '')::int4"


def _interval_overlaps(arguments: Sequence[str]) -> str:
    a, b, c, d = arguments
    return f"({a} <= {b} AND {c} <= {d} AND {a} <= {d} AND {c} <= {b})::int4"


def _histogram(arguments: Sequence[str]) -> str:
    bins = arguments[3]
    nothing = f"array_fill(0::int4, ARRAY[{bins} + 2])"
    return f"coalesce(pzvo.histogram({', '.join(arguments)}), {nothing})"


_SPELLINGS: dict[str, _Spelling] = {
    # Doubles, or whole numbers of 64 bits.
    "ABS": _call("abs"),
    "CEILING": _call("pzvo.ceiling"),
    "FLOOR": _call("pzvo.floor"),
    "MOD": _call("pzvo.mod"),
    # Digits are int4.
    "ROUND": _call("pzvo.round"),
    "TRUNCATE": _call("pzvo.truncate"),
    "ACOS": _call("pzvo.acos"),
    "ASIN": _call("pzvo.asin"),
    "ATAN": _call("atan"),
    "ATAN2": _call("atan2"),
    "COS": _call("pzvo.cos"),
    "COT": _call("pzvo.cot"),
    "DEGREES": _call("pzvo.degrees"),
    "EXP": _call("pzvo.exp"),
    "LOG": _call("pzvo.log"),
    "LOG10": _call("pzvo.log10"),
    "PI": _call("pi"),
    "POWER": _call("pzvo.power"),
    "RADIANS": _call("pzvo.radians"),
    "SIN": _call("pzvo.sin"),
    "SQRT": _call("pzvo.sqrt"),
    "TAN": _call("pzvo.tan"),
    # Text.
    "LOWER": _text("pzvo.lower"),
    "UPPER": _text("pzvo.upper"),
    "IVO_DMS_TO_DEGREES": _sexagesimal("d", 1),
    "IVO_HASHLIST_HAS": _call("pzvo.hashlist_has"),
    "IVO_HASWORD": _call("pzvo.has_words"),
    "IVO_HMS_TO_DEGREES": _sexagesimal("h", 15),
    "IVO_NOCASEMATCH": _nocasematch,
    # Timestamps.
    "IVO_TO_JD": _days(2440587.5),
    "IVO_TO_MJD": _days(40587.0),
    # Numbers and distributions, which are arrays of doubles; the number of bins is int4.
    "IVO_HISTOGRAM": _histogram,
    "IVO_INTERVAL_OVERLAPS": _interval_overlaps,
    "IVO_NORMAL_RANDOM": _call("pzvo.normal_random"),
    "PZ_PDF_INTEGRAL": _call("pzvo.pdf_integral"),
    "PZ_PDF_MEAN": _call("pzvo.pdf_mean"),
    "PZ_PDF_QUANTILE": _call("pzvo.pdf_quantile"),
    # Shapes are arrays of doubles, orders and cells int8, names of coordinate systems text.
    "AREA": _call("pzvo.area"),
    "BOX": _call("pzvo.box"),
    "CENTROID": _call("pzvo.centroid"),
    "IVO_EPOCH_PROP_POS": _call("pzvo.propagate"),
    "IVO_GEOM_TRANSFORM": _call("pzvo.transform"),
    "IVO_HEALPIX_CENTER": _call("pzvo.healpix_center"),
    "IVO_HEALPIX_INDEX": _call("pzvo.healpix_index"),
}

SPELLED = frozenset(_SPELLINGS)
"""Canonical names of the functions that `spell` knows."""


def spell(name: str, arguments: Sequence[str]) -> str:
    """Print the call of a function.

    Parameters
    ----------
    name
        Canonical name, out of `SPELLED`.
    arguments
        Printed arguments.

    Raises
    ------
    KeyError
        When the printer has the function itself.
    """
    return _SPELLINGS[name](arguments)
