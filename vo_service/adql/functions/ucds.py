"""UCDs of computed columns: what is still true of a quantity after a function.

Notes
-----
UCD1+ controlled vocabulary 1.6: ``stat.min``, ``stat.max`` and ``stat.mean`` are secondary words,
so they follow the quantity; ``meta.main`` marks one column of a table and no function of it.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["derived_ucd", "leading_ucd", "statistic_ucd"]


@lru_cache(2048)
def derived_ucd(ucd: str | None) -> str | None:
    """Give the UCD of the same quantity, no longer the main one of its table."""
    if ucd is None:
        return None
    kept = [word for word in ucd.split(";") if word.strip().lower() != "meta.main"]
    return ";".join(kept) or None


@lru_cache(2048)
def statistic_ucd(ucd: str | None, word: str) -> str | None:
    """Give the UCD of a statistic of a quantity.

    Parameters
    ----------
    ucd
        UCD of the quantity.
    word
        Secondary word of the statistic, such as ``stat.mean``.
    """
    quantity = derived_ucd(ucd)
    if quantity is None or word in quantity.lower().split(";"):
        return quantity
    return f"{quantity};{word}"


@lru_cache(2048)
def leading_ucd(ucd: str | None, word: str) -> str | None:
    """Give the UCD of a statistic that is a quantity itself.

    Parameters
    ----------
    ucd
        UCD of the quantity.
    word
        Primary word of the statistic, such as ``stat.stdev``.
    """
    quantity = derived_ucd(ucd)
    return None if quantity is None else f"{word};{quantity}"
