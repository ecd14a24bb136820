"""Making a database ready: schemas, the function library, extensions, and who may do what.

Grants
------
The owner (the role of publishers) owns the schemas ``pzvo``, ``pzvo_staging`` and
``pzvo_tables``. The reader (the role of serving processes) gets no more than ``CONNECT`` and
``TEMPORARY`` on the database, ``USAGE`` on ``pzvo`` and ``pzvo_tables``, ``EXECUTE`` on the
functions of ``pzvo`` and ``SELECT`` on the tables of ``pzvo_tables``, present and future. It must
be no superuser, and member of no role that reads other schemas or files of the server.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg2
from psycopg2 import sql

from vo_service.engines.base import EngineUnavailable
from vo_service.engines.postgres.context import Prefilter
from vo_service.engines.postgres.errors import engine_errors
from vo_service.engines.postgres.library import LIBRARY_VERSION, install_sql
from vo_service.engines.postgres.printer import TABLES_SCHEMA
from vo_service.engines.postgres.sessions import connect
from vo_service.engines.postgres.store import STAGING_SCHEMA

__all__ = ["LIBRARY_SCHEMA", "available_prefilters", "prepare"]

LIBRARY_SCHEMA = "pzvo"
"""Schema of the functions that printed queries call."""

_EXTENSIONS = {Prefilter.PGSPHERE: "pg_sphere", Prefilter.Q3C: "q3c"}

_PREPARING = 0x707A766F
"""Number of the lock that keeps two processes from preparing at once."""

_STALE = timedelta(days=1)
"""Age from which a staged table belongs to a publication that died."""


def prepare(url: str, prefilter: Prefilter = Prefilter.NONE, reader: str | None = None) -> None:
    """Bring a database up to date; nothing happens where it is.

    Parameters
    ----------
    url
        Of the database, with the role that owns the tables.
    prefilter
        Extension that positional joins are to use; created if it is not there.
    reader
        Role of the serving processes, which exists; it gets what it needs.

    Raises
    ------
    EngineUnavailable
        If the server cannot be reached, or the extension is not installed on it.
    """
    with engine_errors():
        session = connect(url)
        try:
            with session, session.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_PREPARING,))
                for schema in (LIBRARY_SCHEMA, STAGING_SCHEMA, TABLES_SCHEMA):
                    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                _extend(cursor, prefilter)
                _install(cursor)
                _remove_stale(cursor)
                if reader is not None:
                    _grant(cursor, reader)
        finally:
            session.close()


def available_prefilters(url: str) -> tuple[Prefilter, ...]:
    """Tell what positional joins can use in a database, the fastest first.

    Parameters
    ----------
    url
        Of the database.

    Raises
    ------
    EngineUnavailable
        If the server cannot be reached.
    """
    with engine_errors():
        session = connect(url)
        try:
            with session, session.cursor() as cursor:
                cursor.execute(
                    "SELECT name FROM pg_available_extensions WHERE name = ANY (%s)",
                    (list(_EXTENSIONS.values()),),
                )
                names = {name for (name,) in cursor.fetchall()}
        finally:
            session.close()
    found = (each for each, extension in _EXTENSIONS.items() if extension in names)
    return (Prefilter.NONE, *found)


def _extend(cursor: psycopg2.extensions.cursor, prefilter: Prefilter) -> None:
    extension = _EXTENSIONS.get(prefilter)
    if extension is None:
        return
    cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = %s", (extension,))
    if not _single(cursor):
        msg = f"the extension {extension} is not installed on the database server; install its"
        raise EngineUnavailable(f"{msg} package, or choose another prefilter")
    cursor.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")


def _install(cursor: psycopg2.extensions.cursor) -> None:
    """Make the functions, unless those of this version are there."""
    cursor.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
        (LIBRARY_SCHEMA,),
    )
    if _single(cursor) == LIBRARY_VERSION:
        return
    cursor.execute(install_sql())
    cursor.execute(f"COMMENT ON SCHEMA {LIBRARY_SCHEMA} IS %s", (LIBRARY_VERSION,))


def _remove_stale(cursor: psycopg2.extensions.cursor) -> None:
    """Remove tables of publications that died between staging and publishing."""
    cursor.execute(
        "SELECT relname, obj_description(c.oid, 'pg_class') FROM pg_class AS c"
        " WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
        (STAGING_SCHEMA,),
    )
    oldest = datetime.now(UTC) - _STALE
    for name, dated in cursor.fetchall():
        if dated is not None and datetime.fromisoformat(dated) < oldest:
            table = sql.Identifier(STAGING_SCHEMA, name)
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))


def _grant(cursor: psycopg2.extensions.cursor, reader: str) -> None:
    role = sql.Identifier(reader)
    cursor.execute("SELECT current_database()")
    database = sql.Identifier(str(_single(cursor)))
    for statement in (
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}",
        f"GRANT USAGE ON SCHEMA {LIBRARY_SCHEMA}, {TABLES_SCHEMA} TO {{role}}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {LIBRARY_SCHEMA} TO {{role}}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {TABLES_SCHEMA} TO {{role}}",
        # Tables are made in the one schema and moved to the other with what they have.
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {STAGING_SCHEMA} GRANT SELECT ON TABLES TO {{role}}",
    ):
        cursor.execute(sql.SQL(statement).format(database=database, role=role))


def _single(cursor: psycopg2.extensions.cursor) -> object:
    row = cursor.fetchone()
    return None if row is None else row[0]
