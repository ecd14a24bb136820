"""Arrow tables that come with a query, as temporary tables of its transaction."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg2
import pyarrow as pa
from psycopg2.extensions import connection

from registry.model.table import Table
from vo_service.engines.base import QueryTimeout, Statement
from vo_service.engines.postgres.context import quoted
from vo_service.engines.postgres.transfer import CsvSource
from vo_service.engines.postgres.types import arrow_column_type, column_type

__all__ = ["load_temporaries"]

ANALYZED_ROWS = 1_000
"""Larger tables are looked at by the planner, which guesses at smaller ones well enough."""


def load_temporaries(
    session: connection,
    statement: Statement,
    temporaries: Mapping[str, pa.Table],
    time_limit_s: float,
) -> None:
    """Begin the transaction of a query: make its temporary tables, then make it read-only.

    Parameters
    ----------
    session
        Connection outside of a transaction.
    statement
        The query.
    temporaries
        Rows by the name of the relation.
    time_limit_s
        For each table.

    Raises
    ------
    QueryTimeout
        If loading takes too long.
    psycopg2.Error
        What the server says.
    """
    described = {table.storage.relation: table for table in statement.tables}
    with session.cursor() as cursor:
        if temporaries:
            cursor.execute("SET LOCAL statement_timeout = %s", (max(1, int(time_limit_s * 1000)),))
        for name, rows in temporaries.items():
            _load(cursor, name, rows, described.get(name), time_limit_s)
        if temporaries:
            cursor.execute("SET LOCAL statement_timeout = 0")
        # Temporary tables can be written after this, and nothing else.
        cursor.execute("SET TRANSACTION READ ONLY")


def _load(
    cursor: psycopg2.extensions.cursor,
    name: str,
    rows: pa.Table,
    table: Table | None,
    time_limit_s: float,
) -> None:
    known = {} if table is None else {c.physical: c.field.type for c in table.columns}
    columns = ", ".join(
        f"{quoted(field.name)} "
        + (column_type(known[field.name]) if field.name in known else arrow_column_type(field.type))
        for field in rows.schema
    )
    relation = f"pg_temp.{quoted(name)}"
    try:
        cursor.execute(f"CREATE TEMPORARY TABLE {relation} ({columns}) ON COMMIT DROP")
        if rows.num_rows:
            source = CsvSource(rows.to_batches(max_chunksize=65_536))
            cursor.copy_expert(f"COPY {relation} FROM STDIN (FORMAT csv)", source)
        if rows.num_rows > ANALYZED_ROWS:
            cursor.execute(f"ANALYZE {relation}")
    except psycopg2.errors.QueryCanceled as error:
        raise QueryTimeout(time_limit_s) from error
