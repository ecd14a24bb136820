"""Bring the metadata database to the tables of this release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select, table
from sqlalchemy import column as sql_column

from registry.errors import RegistryError
from registry.stores.metadata.schema import REVISION

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["alembic_config", "is_current", "migrate"]

_LOCK_KEY = 7_239_061
"""Key of the advisory lock of PostgreSQL during a migration; any fixed number serves."""


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, inside the caller's transaction.

    Parameters
    ----------
    connection
        Open in a writing transaction; on PostgreSQL a lock keeps other starters out until it
        ends, on SQLite the writing transaction itself does.

    Raises
    ------
    RegistryError
        If the tables are of a newer release.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
    if _current_revision(connection) == REVISION:
        return
    from alembic import command
    from alembic.util import CommandError

    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise RegistryError(
            "the metadata database was made by a newer release of pzvo; install that release, or "
            "restore the database from before the upgrade"
        ) from error


def is_current(connection: Connection) -> bool:
    """Tell whether the tables are those of this release."""
    return _current_revision(connection) == REVISION


def alembic_config() -> Config:
    """Describe the migrations that ship inside the package."""
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).resolve().parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _current_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    versions = table("alembic_version", sql_column("version_num"))
    revision: str | None = connection.execute(select(versions.c.version_num)).scalar()
    return revision
