"""PostgreSQL's errors as those of the seam, by SQLSTATE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import errorcodes

from vo_service.engines.base import (
    EngineError,
    EngineUnavailable,
    QueryCancelled,
    QueryRejected,
    ResourceExhausted,
)

__all__ = ["engine_error", "engine_errors"]

_UNAVAILABLE = "the database cannot answer now; try again later"

_BY_CODE: dict[str, type[EngineError]] = {
    errorcodes.QUERY_CANCELED: QueryCancelled,
    errorcodes.ADMIN_SHUTDOWN: EngineUnavailable,
    errorcodes.CRASH_SHUTDOWN: EngineUnavailable,
    errorcodes.CANNOT_CONNECT_NOW: EngineUnavailable,
    errorcodes.DATABASE_DROPPED: EngineUnavailable,
    errorcodes.IDLE_SESSION_TIMEOUT: EngineUnavailable,
    errorcodes.UNDEFINED_TABLE: EngineUnavailable,
    errorcodes.INVALID_SCHEMA_NAME: EngineUnavailable,
    errorcodes.TOO_MANY_CONNECTIONS: EngineUnavailable,
    errorcodes.STATEMENT_TOO_COMPLEX: QueryRejected,
    errorcodes.TOO_MANY_COLUMNS: QueryRejected,
    errorcodes.TOO_MANY_ARGUMENTS: QueryRejected,
    errorcodes.PROGRAM_LIMIT_EXCEEDED: QueryRejected,
}
"""Codes that do not go with their class; a missing table was dropped after a publication."""

_BY_CLASS: dict[str, type[EngineError]] = {
    errorcodes.CLASS_DATA_EXCEPTION: QueryRejected,
    errorcodes.CLASS_CARDINALITY_VIOLATION: QueryRejected,
    errorcodes.CLASS_PROGRAM_LIMIT_EXCEEDED: QueryRejected,
    errorcodes.CLASS_INSUFFICIENT_RESOURCES: ResourceExhausted,
    errorcodes.CLASS_CONNECTION_EXCEPTION: EngineUnavailable,
    errorcodes.CLASS_OPERATOR_INTERVENTION: EngineUnavailable,
    errorcodes.CLASS_TRANSACTION_ROLLBACK: EngineUnavailable,
    errorcodes.CLASS_OBJECT_NOT_IN_PREREQUISITE_STATE: EngineUnavailable,
    errorcodes.CLASS_SYSTEM_ERROR: EngineUnavailable,
    errorcodes.CLASS_INVALID_TRANSACTION_STATE: EngineUnavailable,
}
"""Classes of codes that a user may meet; any other is a fault of ours and keeps its class."""


def engine_error(error: BaseException) -> EngineError | None:
    """Translate an error of the driver.

    Parameters
    ----------
    error
        What was raised.

    Returns
    -------
    EngineError or None
        None if the error is no condition that a user may meet.
    """
    if not isinstance(error, psycopg2.Error):
        return None
    code = error.pgcode
    if code is None:
        lost = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        # The driver says so when the connection breaks in the middle of an answer.
        broken = type(error) is psycopg2.DatabaseError
        return EngineUnavailable(_UNAVAILABLE) if lost or broken else None
    kind = _BY_CODE.get(code) or _BY_CLASS.get(code[:2])
    if kind is None:
        return None
    if kind is QueryCancelled:
        return QueryCancelled("the query was stopped")
    if kind is ResourceExhausted:
        return ResourceExhausted(
            "the query needs more memory or temporary space than it may have; ask for fewer rows"
            " or columns, or group and sort less"
        )
    if kind is EngineUnavailable:
        return EngineUnavailable(_UNAVAILABLE)
    said = error.diag.message_primary or str(error)
    return QueryRejected(f"the query failed on the data: {said.strip()}")


@contextmanager
def engine_errors() -> Iterator[None]:
    """Translate the driver's errors; others, and faults of ours, pass as they are.

    Raises
    ------
    QueryRejected, QueryCancelled, ResourceExhausted, EngineUnavailable
        As `engine_error` says.
    """
    try:
        yield
    except psycopg2.Error as error:
        translated = engine_error(error)
        if translated is None:
            raise
        raise translated from error
