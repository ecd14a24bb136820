"""Coverage maps of tables (MOC 2.0): united, made coarser, and written."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

__all__ = ["FORMATS", "coarser", "united", "written"]

FORMATS = {"fits": "application/fits", "json": "application/json", "ascii": "text/plain"}
"""Media types of the ways to write a map (MOC 2.0, section 4)."""


def united(maps: Iterable[str]) -> str | None:
    """Unite maps, each in ASCII; none where there is none."""
    given = [_parsed(each) for each in dict.fromkeys(maps)]
    if not given:
        return None
    whole = given[0].union(*given[1:]) if len(given) > 1 else given[0]
    text: str = whole.to_string(format="ascii")
    return text


@lru_cache(1024)
def coarser(text: str, order: int) -> str:
    """Give a map in ASCII whose cells are no smaller than those of an order; it covers no less."""
    moc = _parsed(text)
    made: str = (moc.degrade_to_order(order) if moc.max_order > order else moc).to_string("ascii")
    return " ".join(made.split())


def written(text: str, form: str) -> bytes:
    """Write a map in one of `FORMATS`."""
    if form == "ascii":
        return " ".join(text.split()).encode()
    moc = _parsed(text)
    if form == "json":
        return json.dumps(moc.serialize("json")).encode()
    file = io.BytesIO()
    moc.serialize("fits").writeto(file)
    return file.getvalue()


def _parsed(text: str) -> Any:  # noqa: ANN401 - mocpy has no types
    from mocpy import MOC

    return MOC.from_string(text, "ascii")
