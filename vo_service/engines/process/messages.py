"""What is said in the frames.

To an engine process go pickles, made by the service that owns it. What comes back is JSON and
Arrow alone: the process has read the text of a stranger, and is not believed more than that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Table, TableSet
from vo_service.adql import errors as adql
from vo_service.adql.errors import AdqlError
from vo_service.engines import base
from vo_service.engines.base import (
    EngineError,
    QueryTimeout,
    ResourceExhausted,
    Statement,
)
from vo_service.engines.processor import StartedQuery

__all__ = [
    "EngineFault",
    "QueryMessage",
    "read_error",
    "read_started",
    "read_statement",
    "write_error",
    "write_started",
]


class EngineFault(Exception):
    """A fault of ours in an engine process; its trace is the text."""


@dataclass(frozen=True, slots=True)
class QueryMessage:
    """A query, as it goes to an engine process.

    Attributes
    ----------
    text, row_limit, check_only, shaped, time_limit_s
        As in `vo_service.engines.processor.QueryRequest`.
    tables
        Number of the table set, which was sent before.
    uploads
        Tables whose rows follow, one frame each.
    translated
        Whether the statement is wanted and not its rows.
    """

    text: str
    tables: int
    time_limit_s: float
    row_limit: int | None = None
    check_only: bool = False
    shaped: bool = False
    uploads: tuple[Table, ...] = ()
    translated: bool = False


_ADQL_ERRORS: Mapping[str, type[AdqlError]] = {
    error.__name__: error
    for error in vars(adql).values()
    if isinstance(error, type) and issubclass(error, AdqlError)
}

_ENGINE_ERRORS: Mapping[str, type[EngineError]] = {
    error.__name__: error
    for error in vars(base).values()
    if isinstance(error, type) and issubclass(error, EngineError) and error is not QueryTimeout
}


def write_error(error: BaseException, trace: str, memory_bytes: int) -> bytes:
    """Write an error.

    Parameters
    ----------
    error
        What was raised.
    trace
        Where; for the operator.
    memory_bytes
        Limit of the process.
    """
    said: dict[str, Any] = {"error": type(error).__name__, "message": str(error)[:100_000]}
    if isinstance(error, AdqlError):
        said |= {
            "message": error.message[:100_000],
            "line": error.line,
            "column": error.column,
            "excerpt": error.excerpt,
            "suggestions": error.suggestions,
        }
    elif isinstance(error, MemoryError | pa.ArrowMemoryError):
        said = {"error": "ResourceExhausted", "message": memory_message(memory_bytes)}
    elif isinstance(error, QueryTimeout):
        said["limit_s"] = error.limit_s
    elif type(error).__name__ not in _ENGINE_ERRORS:
        said = {"error": "fault", "message": trace[-8_000:]}
    return json.dumps(said).encode("utf-8", "backslashreplace")


def read_error(content: pa.Buffer) -> Exception:
    """Read what `write_error` wrote."""
    said = json.loads(content.to_pybytes())
    name, message = str(said["error"]), str(said["message"])
    if name in _ADQL_ERRORS:
        return _ADQL_ERRORS[name](
            message,
            _number(said["line"]),
            _number(said["column"]),
            str(said["excerpt"]),
            tuple(map(str, said["suggestions"])),
        )
    if name == QueryTimeout.__name__:
        return QueryTimeout(float(said["limit_s"]))
    if name in _ENGINE_ERRORS:
        return _ENGINE_ERRORS[name](message)
    return EngineFault(message)


def memory_message(memory_bytes: int) -> str:
    """Say that a query passed its limit of memory."""
    return (
        f"the query needs more than the {memory_bytes / 2**20:.0f} MiB of memory that a query may"
        " have; ask for fewer rows or columns, shorter texts, or group and sort less"
    )


def out_of_memory(memory_bytes: int) -> ResourceExhausted:
    """Make the error of a query that passed its limit of memory."""
    return ResourceExhausted(memory_message(memory_bytes))


def write_started(started: StartedQuery, statement: Statement | None = None) -> bytes:
    """Write what is known of a query, with its statement where that is wanted."""
    said: dict[str, Any] = {
        "fields": [_field(field) for field in started.fields],
        "tables": [
            [table.schema_name, table.table_name, table.storage.relation]
            for table in started.tables
        ],
        "parse_s": started.parse_s,
        "resolve_s": started.resolve_s,
        "shape": started.shape,
    }
    if statement is not None:
        said |= {
            "sql": statement.sql,
            "parameters": statement.parameters,
            "rows_at_most": statement.rows_at_most,
        }
    return json.dumps(said).encode()


def read_started(
    content: pa.Buffer, tables: TableSet, uploads: tuple[Table, ...] = ()
) -> tuple[StartedQuery, dict[str, Any]]:
    """Read what `write_started` wrote, and the whole message.

    Parameters
    ----------
    content
        Of the frame.
    tables, uploads
        That the query may read.

    Raises
    ------
    KeyError
        If it names another table.
    """
    said = json.loads(content.to_pybytes())
    sent = {table.storage.relation: table for table in uploads}
    used = []
    for schema, name, relation in said["tables"]:
        uploaded = sent.get(relation)
        if uploaded is not None and uploaded.schema_name == schema:
            used.append(uploaded)
        else:
            used.append(tables.by_name[schema.lower(), name.lower()])
    started = StartedQuery(
        tuple(_read_field(each) for each in said["fields"]),
        tuple(used),
        float(said["parse_s"]),
        float(said["resolve_s"]),
        str(said["shape"]),
    )
    return started, said


def read_statement(started: StartedQuery, said: Mapping[str, Any]) -> Statement:
    """Read the statement of a message that has one."""
    return Statement(
        str(said["sql"]),
        tuple(said["parameters"]),
        started.fields,
        started.tables,
        _number(said["rows_at_most"]),
    )


def _field(field: Field) -> list[str | None]:
    kind = field.type
    return [
        field.name, str(kind.datatype), kind.arraysize, kind.xtype, field.unit, field.ucd,
        field.utype, field.description,
    ]  # fmt: skip


def _read_field(said: list[str | None]) -> Field:
    name, datatype, arraysize, xtype, *meaning = said
    return Field(str(name), ValueType(Datatype(str(datatype)), arraysize, xtype), *meaning)


def _number(said: object) -> int | None:
    return int(said) if isinstance(said, int) else None
