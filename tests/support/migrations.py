"""Migrations that are run once: what they did to an empty database is done again to the next.

Hundreds of tests begin with an empty database, and Alembic takes a sixth of a second of a processor
for its tables. The statements are those that it sent the first time, on the same kind of database;
databases that hold anything, and processes of their own, get the migrations themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, event, inspect

Statement = tuple[str, Any, bool]


def remembering(migration: ModuleType) -> Callable[[Connection], None]:
    """Give a `migrate` of a module that remembers what it did to empty databases."""
    done: dict[tuple[str, str], list[Statement]] = {}

    def migrate(connection: Connection) -> None:
        key = connection.dialect.name, migration.REVISION
        versions = getattr(migration, "VERSION_TABLE", "alembic_version")
        if inspect(connection).has_table(versions):
            migration.migrate(connection)
        elif key not in done:
            done[key] = _recorded(connection, migration.migrate)
        else:
            for statement, parameters, many in done[key]:
                run = connection.connection.cursor()
                (run.executemany if many else run.execute)(statement, parameters)

    return migrate


def _recorded(connection: Connection, migrate: Callable[[Connection], None]) -> list[Statement]:
    sent: list[Statement] = []

    def note(_connection, _cursor, statement, parameters, _context, many) -> None:
        sent.append((statement, parameters, many))

    event.listen(connection, "before_cursor_execute", note)
    try:
        migrate(connection)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    return sent
