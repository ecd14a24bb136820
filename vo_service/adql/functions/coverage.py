"""Coverage maps (MOC) as regions: ``MOC('6/1-10 12')``.

Notes
-----
MOC 2.0, section 4.3.2 (the ASCII form): ``order/cell[-cell][,| cell...]``, HEALPix nested.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["FINEST_ORDER", "MocProblem", "moc_ranges"]

FINEST_ORDER = 29
"""Order of the ranges: the finest of MOC, and of the index of tables."""

_WORD = re.compile(r"(?:(\d{1,2})/)?(?:(\d{1,19})(?:-(\d{1,19}))?)?", re.ASCII)
_BREAK = re.compile(r"[\s,]+")


class MocProblem(ValueError):
    """Text that is no coverage map.

    Attributes
    ----------
    offset
        Index of the character in the text that is wrong.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@lru_cache(maxsize=256)
def moc_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Give the cells of a coverage map.

    Parameters
    ----------
    text
        ASCII form.

    Returns
    -------
    tuple
        First and last cell of order 29 of each range, both included, ascending and apart.

    Raises
    ------
    MocProblem
        When the text is no coverage map; the offset says where.
    """
    order: int | None = None
    spans: list[tuple[int, int]] = []
    offset = 0
    for word in _BREAK.split(text):
        offset = text.index(word, offset)
        if not word:
            continue
        match = _WORD.fullmatch(word)
        if match is None:
            raise MocProblem(f"'{word[:20]}' is not of the form 6/1-10 or 12", offset)
        if match[1] is not None:
            order = int(match[1])
            if order > FINEST_ORDER:
                raise MocProblem(f"The order {order} is not within 0 and {FINEST_ORDER}", offset)
        if order is None:
            raise MocProblem("A MOC begins with an order, such as 6/", offset)
        if match[2] is not None:
            spans.append(_span(order, int(match[2]), match[3], offset))
        offset += len(word)
    return _merged(sorted(spans))


def _span(order: int, first: int, end: str | None, offset: int) -> tuple[int, int]:
    last = first if end is None else int(end)
    cells = 12 * 4**order
    if last >= cells or last < first:
        raise MocProblem(f"The cells of order {order} are 0 to {cells - 1}, ascending", offset)
    shift = 2 * (FINEST_ORDER - order)
    return first << shift, ((last + 1) << shift) - 1


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
