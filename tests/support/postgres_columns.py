"""Expressions of PostgreSQL computed over columns of numbers, in a database of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import psycopg2
import pyarrow as pa
from postgres import PostgresServer
from sqlalchemy import make_url


class Columns:
    """A session that computes an expression for each row of some columns."""

    def __init__(self, url: str) -> None:
        parts = make_url(url)
        self.session = psycopg2.connect(
            host=parts.query["host"], user=parts.username, dbname=parts.database
        )
        self.session.autocommit = True

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> list[tuple]:
        """Run a statement and give its rows."""
        with self.session.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description is not None else []

    def compute(self, expression: str, types: str, *columns: Sequence[object]) -> list[object]:
        """Compute an expression of the columns a, b, c ..., in the order of the rows.

        Types are words; those of arrays are cast from text.
        """
        names = "abcdefghij"[: len(columns)]
        casts, sources, values = [], [], []
        for name, word, column in zip(names, types.split(), columns, strict=True):
            listed = word.endswith("[]")
            casts.append(f"{name}::{word} AS {name}")
            sources.append("%s::text[]")
            texts = [_text(x) if listed else _plain(x) for x in column]
            values.append([None if x is None else str(x) for x in texts])
        rows = self.execute(
            f"SELECT {expression.replace('%', '%%')} FROM (SELECT {', '.join(casts)}, number"
            f" FROM unnest({', '.join(sources)}) WITH ORDINALITY AS u ({', '.join(names)}, number)"
            " OFFSET 0) AS t ORDER BY number",
            values,
        )
        return [row[0] for row in rows]


def _plain(value: object) -> object:
    """Give a number as text, which keeps the sign of zero; the driver would write a decimal."""
    plain = value.item() if hasattr(value, "item") else value
    return repr(plain) if isinstance(plain, float) else plain


def _text(numbers: Sequence[object] | None) -> str | None:
    if numbers is None:
        return None
    texts = ("NULL" if x is None else repr(float(x)) for x in numbers)
    return f"{{{','.join(texts)}}}"


@contextmanager
def database(script: str) -> Iterator[Columns]:
    """Start a server and run a script in a new database."""
    server = PostgresServer()
    try:
        server.start()
        columns = Columns(server.new_database())
        try:
            columns.execute(script)
            yield columns
        finally:
            columns.session.close()
    finally:
        server.stop()


def doubles(values: Sequence[object]) -> np.ndarray:
    """Give numbers, NaN for None."""
    return np.array([np.nan if value is None else value for value in values], float)


def close(
    found: Sequence[object], expected: object, rtol: float = 1e-12, atol: float = 0.0
) -> None:
    """Tell that numbers agree, None with NaN."""
    np.testing.assert_allclose(doubles(found), expected, rtol=rtol, atol=atol, equal_nan=True)


def ragged(rows: Sequence[Sequence[object] | None]) -> pa.Array:
    """Give a column of lists of doubles."""
    lists = [None if row is None else list(map(float, row)) for row in rows]
    return pa.array(lists, pa.list_(pa.float64()))
