"""DuckDB's errors as those of the seam.

The driver raises classes of its own where it prepares a query, and plain ``OSError`` or Arrow
errors, with the kind at the beginning of the text, where rows are read. Both are read here.
"""

from __future__ import annotations

import re

import duckdb

from vo_service.engines.base import (
    EngineError,
    EngineUnavailable,
    QueryCancelled,
    QueryRejected,
    ResourceExhausted,
)

__all__ = ["engine_error"]

_KIND = re.compile(r"^(?:\w+: )?(?P<kind>[A-Z][A-Za-z ]*?) Error: (?P<text>.*)$", re.DOTALL)
_HINTS = re.compile(r"\s*(?:LINE \d+:|Use TRY\(|, or SET |Possible solutions|See ).*", re.DOTALL)

_BY_KIND: dict[str, type[EngineError]] = {
    "INTERRUPT": QueryCancelled,
    "Out of Memory": ResourceExhausted,
    "Conversion": QueryRejected,
    "Out of Range": QueryRejected,
    "Invalid Input": QueryRejected,
    "Mismatch Type": QueryRejected,
    "Invalid Type": QueryRejected,
    "Sequence": QueryRejected,
    "Constraint": QueryRejected,
    "IO": EngineUnavailable,
    "Connection": EngineUnavailable,
    "HTTP": EngineUnavailable,
    "TransactionContext": EngineUnavailable,
}
"""Kinds that a user may meet; any other is a fault of ours and keeps its class."""


def engine_error(error: Exception) -> EngineError | None:
    """Translate an error of the driver or of its Arrow reader.

    Parameters
    ----------
    error
        What was raised while a query was prepared or read.

    Returns
    -------
    EngineError or None
        None if the error is no condition that a user may meet.
    """
    found = _KIND.match(str(error))
    if found is None:
        if isinstance(error, duckdb.IOException | duckdb.ConnectionException):
            return EngineUnavailable("the table files cannot be read now; try again later")
        return None
    kind = _BY_KIND.get(found["kind"])
    if kind is None:
        return None
    if kind is QueryCancelled:
        return QueryCancelled("the query was stopped")
    if kind is EngineUnavailable:
        if "No space left" in found["text"] or "max_temp_directory_size" in found["text"]:
            return ResourceExhausted("the query needs more temporary space than there is")
        return EngineUnavailable("the table files cannot be read now; try again later")
    if kind is ResourceExhausted:
        return ResourceExhausted(
            "the query needs more memory than it may have; ask for fewer rows or columns,"
            " or group and sort less"
        )
    return QueryRejected(f"the query failed on the data: {_HINTS.sub('', found['text']).strip()}")
