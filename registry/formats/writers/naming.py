"""Column names for formats that need them to be distinct."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.model.field import Field

__all__ = ["distinct_names"]


def distinct_names(fields: Sequence[Field], key: Callable[[str], str] = str) -> list[Field]:
    """Give repeated names a number (``z``, ``z_2``).

    Names that are unique already are never changed; a number that is taken is passed over.

    Parameters
    ----------
    fields
        The columns.
    key
        Brings names together that the format holds for one (``str.casefold``).
    """
    seen: set[str] = set()
    names = {key(field.name) for field in fields}
    result = []
    for field in fields:
        name, number = field.name, 1
        while key(name) in seen or (number > 1 and key(name) in names):
            number += 1
            name = f"{field.name}_{number}"
        seen.add(key(name))
        result.append(field.renamed(name))
    return result
